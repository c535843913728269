/** The report of a run as a file: fetched with the key, which a plain link would not send. */
import { readReport } from '../api/reconciliation-calls.js';
import { useAction } from '../api/hooks.js';
import { Problem } from '../ui/problem.js';

export function Download({ id }: { id: string }) {
  const action = useAction(
    (format: 'csv' | 'html') => readReport(id, format),
    ({ name, content }) => {
      const link = document.createElement('a');
      link.href = URL.createObjectURL(content);
      link.download = name;
      link.click();
      URL.revokeObjectURL(link.href);
    },
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
