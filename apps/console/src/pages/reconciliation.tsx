/** Runs over what providers say: what was read, what fits, and what does not. */
import type { WireReconciliationRun } from '#contracts';
import { useState } from 'preact/hooks';
import { href } from '../address.js';
import { listRuns, readRun } from '../api/reconciliation-calls.js';
import { useLoad, usePages } from '../api/hooks.js';
import { count } from '../format.js';
import { Discrepancies } from '../reconciliation/discrepancies.js';
import { ReadFile, RequestRun } from '../reconciliation/start.js';
import { Currencies, TieOut } from '../reconciliation/tables.js';
import { Download } from '../reconciliation/download.js';
import { go } from '../router.js';
import { useShortcut } from '../shortcuts.js';
import { More } from '../ui/lists.js';
import { Content, Empty, Figure, Head, Id, Status, When } from '../ui/parts.js';

export function ReconciliationPage() {
  const [asking, setAsking] = useState<'provider' | 'file'>();
  const runs = usePages('runs', (cursor, signal) => listRuns({ cursor, ...(signal && { signal }) }), 3_000);
  const close = () => setAsking(undefined);
  const begun = ({ id }: { id: string }) => go(href('reconciliation', id));
  useShortcut('n', 'Start a run', () => setAsking('provider'));
  useShortcut('f', 'Read a file', () => setAsking('file'));
  useShortcut('r', 'Read again', runs.reload);
  return (
    <>
      <Head title="Reconciliation" note="What providers say, against what the ledger has.">
        <button type="button" class="button" onClick={() => setAsking('file')}>
          Read a file
        </button>
        <button type="button" class="button button-primary" onClick={() => setAsking('provider')}>
          Start a run
        </button>
      </Head>
      <Content loaded={runs}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty title="No run yet">Start one over a provider, or read a statement file.</Empty>
          ) : (
            <RunList rows={rows} />
          )
        }
      </Content>
      <More pages={runs} />
      {runs.value !== undefined && runs.value.length > 0 && <Discrepancies runId={null} />}
      {asking === 'provider' && <RequestRun onDone={begun} onClose={close} />}
      {asking === 'file' && <ReadFile onDone={begun} onClose={close} />}
    </>
  );
}

function RunList({ rows }: { rows: readonly WireReconciliationRun[] }) {
  return (
    <table class="list">
      <thead>
        <tr>
          <th>Run</th>
          <th>Source</th>
          <th>Status</th>
          <th class="number">Rows</th>
          <th class="number">Discrepancies</th>
          <th class="number">Tie-out</th>
          <th class="number">Begun</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((run) => (
          <tr key={run.id} onClick={() => go(href('reconciliation', run.id))}>
            <td class="main">
              <a href={href('reconciliation', run.id)}>
                <Id id={run.id} />
              </a>
            </td>
            <td class="text" data-label="Source">
              {sourceOf(run)}
            </td>
            <td data-label="Status">
              <Status value={run.status} />
            </td>
            <td class="number" data-label="Rows">
              {count(run.rows)}
            </td>
            <td class="number" data-label="Discrepancies">
              {run.result === null ? '–' : count(found(run.result.discrepancies))}
            </td>
            <td class="number" data-label="Tie-out">
              <Ties run={run} />
            </td>
            <td class="number" data-label="Begun">
              <When iso={run.createdAt} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function RunPage({ id }: { id: string }) {
  const loaded = useLoad(`run ${id}`, (signal) => readRun(id, signal), 3_000);
  useShortcut('r', 'Read again', loaded.reload);
  return (
    <>
      <Head title={loaded.value ? sourceOf(loaded.value) : 'Run'} note={<Id id={id} full />}>
        <Download id={id} />
      </Head>
      <Content loaded={loaded}>{(run) => <Run run={run} />}</Content>
    </>
  );
}

function Run({ run }: { run: WireReconciliationRun }) {
  const { result } = run;
  return (
    <>
      <p class="run-status" aria-live="polite">
        <Status value={run.status} />{' '}
        <span class="quiet">
          {run.mode === 'dry-run' ? 'a dry run, nothing is kept · ' : ''}asked for by {run.requestedBy}
        </span>
      </p>
      {run.error !== null && <p class="none-left">{run.error}</p>}
      <dl class="rates">
        <Figure
          label="Rows"
          value={count(run.rows)}
          note={`${count(run.inserted)} new, ${count(run.duplicates)} known`}
        />
        <Figure label="Quarantined" value={count(run.quarantined)} note="rows that cannot be read" />
        <Figure label="Matched" tone="available" value={result ? count(result.matched) : '–'} />
        <Figure
          label="Discrepancies"
          tone="refused"
          value={result ? count(found(result.discrepancies)) : '–'}
        />
      </dl>
      {result && result.tieOut.length > 0 && <TieOut rows={result.tieOut} />}
      {result && result.currencies.length > 0 && <Currencies rows={result.currencies} />}
      <Discrepancies runId={run.id} />
    </>
  );
}

function Ties({ run: { result } }: { run: WireReconciliationRun }) {
  if (result === null || result.tieOut.length === 0) return <>–</>;
  const failed = result.tieOut.filter(({ ties }) => !ties).length;
  return failed === 0 ? <>ties</> : <span class="none-left">{count(failed)} off</span>;
}

function sourceOf({ kind, provider, file, format }: WireReconciliationRun): string {
  return kind === 'file' ? (file ?? format ?? 'a file') : provider;
}

function found(byCode: Readonly<Record<string, number>>): number {
  return Object.values(byCode).reduce((sum, many) => sum + many, 0);
}
