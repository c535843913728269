/** Runs over what providers say: what was read, what fits, and what does not. */
import type { WireReconciliationRun } from '#contracts';
import { useState } from 'preact/hooks';
import { href } from '../address.js';
import { listRuns, readRun } from '../api/reconciliation-calls.js';
import { useLoad, usePages } from '../api/hooks.js';
import { count } from '../format.js';
import { Discrepancies } from '../reconciliation/discrepancies.js';
import { discrepanciesOf } from '../reconciliation/none-listed.js';
import { ReadFile, RequestRun } from '../reconciliation/start.js';
import { Currencies, TieOut } from '../reconciliation/tables.js';
import { Download } from '../reconciliation/download.js';
import { go } from '../router.js';
import { useShortcut } from '../shortcuts.js';
import { More } from '../ui/lists.js';
import { Content, Empty, Figure, Head, Id, LinkedId, Status, When } from '../ui/parts.js';
import { type Column, Table } from '../ui/table.js';

export function ReconciliationPage() {
  const [asking, setAsking] = useState<'provider' | 'file'>();
  const runs = usePages('runs', (cursor, signal) => listRuns({ cursor, ...(signal && { signal }) }), 3_000);
  const close = () => setAsking(undefined);
  const begun = ({ id }: { id: string }) => go(href('reconciliation', id));
  useShortcut('n', 'Start a run', () => setAsking('provider'));
  useShortcut('f', 'Read a file', () => setAsking('file'));
  useShortcut('r', 'Reload', runs.reload);
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
            <Table
              columns={columns}
              rows={rows}
              keyOf={({ id }) => id}
              open={({ id }) => href('reconciliation', id)}
            />
          )
        }
      </Content>
      <More pages={runs} />
      {runs.value !== undefined && runs.value.length > 0 && <Discrepancies run={null} />}
      {asking === 'provider' && <RequestRun onDone={begun} onClose={close} />}
      {asking === 'file' && <ReadFile onDone={begun} onClose={close} />}
    </>
  );
}

const columns: readonly Column<WireReconciliationRun>[] = [
  {
    label: 'Run',
    kind: 'main',
    plain: true,
    cell: ({ id }) => <LinkedId page="reconciliation" id={id} />,
  },
  { label: 'Status', kind: 'state', plain: true, cell: ({ status }) => <Status value={status} /> },
  { label: 'Source', kind: 'text', plain: true, cell: listedSourceOf, whole: listedSourceOf },
  { label: 'Rows', kind: 'number', cell: ({ rows }) => count(rows) },
  {
    label: 'Discrepancies',
    kind: 'number',
    cell: (run) => (run.result === null ? '–' : count(discrepanciesOf(run))),
  },
  { label: 'Tie-out', kind: 'number', cell: (run) => <Ties run={run} /> },
  { label: 'Begun', kind: 'number', cell: ({ createdAt }) => <When iso={createdAt} /> },
];

export function RunPage({ id }: { id: string }) {
  const loaded = useLoad(`run ${id}`, (signal) => readRun(id, signal), 3_000);
  useShortcut('r', 'Reload', loaded.reload);
  return (
    <>
      <Head
        title={loaded.value ? sourceOf(loaded.value) : 'Run'}
        note={<Id id={id} full />}
        back={['reconciliation', 'Reconciliation']}
        status={loaded.value?.status}
      >
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
      <p class="quiet">
        {run.mode === 'dry-run' ? 'A dry run, nothing is kept · asked' : 'Asked'} for by {run.requestedBy},{' '}
        <When iso={run.createdAt} full />
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
        <Figure label="Discrepancies" tone="refused" value={result ? count(discrepanciesOf(run)) : '–'} />
      </dl>
      {result && result.tieOut.length > 0 && <TieOut rows={result.tieOut} />}
      {result && result.currencies.length > 0 && <Currencies rows={result.currencies} />}
      <Discrepancies run={run} />
    </>
  );
}

function Ties({ run: { result } }: { run: WireReconciliationRun }) {
  if (result === null || result.tieOut.length === 0) return <>–</>;
  const failed = result.tieOut.filter(({ ties }) => !ties).length;
  return failed === 0 ? <>ties</> : <span class="none-left">{count(failed)} off</span>;
}

/** A dry run says so: in everything else it looks like one whose findings are kept. */
function listedSourceOf(run: WireReconciliationRun): string {
  return run.mode === 'dry-run' ? `dry run: ${sourceOf(run)}` : sourceOf(run);
}

function sourceOf({ kind, provider, file, format }: WireReconciliationRun): string {
  return kind === 'file' ? (file ?? format ?? 'a file') : provider;
}
