/** The report of a run as a file: fetched with the key, which a plain link would not send. */
import { saveFile } from '../adapters/browser.js';
import { readReport } from '../api/reconciliation-calls.js';
import { useAction } from '../api/hooks.js';
import { Problem } from '../ui/problem.js';

export function Download({ id }: { id: string }) {
  const action = useAction(
    (format: 'csv' | 'html') => readReport(id, format),
    ({ name, content }) => saveFile(name, content),
  );
  return (
    <>
      {action.problem && <Problem problem={action.problem} />}
      <button type="button" class="button" onClick={() => void action.run('html')}>
        Report
      </button>
      <button type="button" class="button" onClick={() => void action.run('csv')}>
        CSV
      </button>
    </>
  );
}
