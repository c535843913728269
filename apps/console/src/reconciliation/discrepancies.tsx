/** What does not fit: found by a run, decided by a person with an action and a reason. */
import type { WireDiscrepancy, WireReconciliationRun } from '#contracts';
import { useState } from 'preact/hooks';
import { href } from '../address.js';
import { listDiscrepancies, resolveDiscrepancy } from '../api/reconciliation-calls.js';
import { useAction, usePages } from '../api/hooks.js';
import { money, shortId } from '../format.js';
import { FormDialog } from '../ui/dialog.js';
import { More, StatusFilter } from '../ui/lists.js';
import { Content, Empty, Status, TextField, When } from '../ui/parts.js';
import { type Column, Table } from '../ui/table.js';
import { noneListed } from './none-listed.js';

type Verb = 'assign' | 'await' | 'resolve' | 'void' | 'reopen';

const states = ['open', 'assigned', 'pending', 'resolved', 'void'];
const verbs: readonly (readonly [verb: Verb, what: string])[] = [
  ['resolve', 'it is settled'],
  ['assign', 'somebody looks at it'],
  ['await', 'the provider has been asked'],
  ['void', 'it never was one'],
  ['reopen', 'it is open again'],
];

const columns: readonly Column<WireDiscrepancy>[] = [
  {
    label: 'What',
    kind: 'main',
    plain: true,
    cell: (row) => (
      <button type="button" class="link">
        {codeOf(row)}
      </button>
    ),
  },
  { label: 'Status', kind: 'state', plain: true, cell: ({ state }) => <Status value={state} /> },
  { label: 'Detail', kind: 'text', plain: true, cell: ({ detail }) => detail, whole: ({ detail }) => detail },
  { label: 'Expected', kind: 'money', cell: ({ expected, currency }) => amountOf(expected, currency) },
  { label: 'Actual', kind: 'money', cell: ({ actual, currency }) => amountOf(actual, currency) },
];

/** Those of a run, or, without one, of all runs: the open ones first. */
export function Discrepancies({ run }: { run: WireReconciliationRun | null }) {
  const runId = run?.id ?? null;
  const [state, setState] = useState(runId === null ? 'open' : '');
  const [asked, setAsked] = useState<WireDiscrepancy>();
  const found = usePages(
    `discrepancies ${runId ?? 'of all'} ${state}`,
    (cursor, signal) => listDiscrepancies(runId, { state }, { cursor, ...(signal && { signal }) }),
    5_000,
  );
  const close = () => setAsked(undefined);
  const none = noneListed(run, state);
  return (
    <section class="part">
      <header class="head">
        <h2>Discrepancies</h2>
        <StatusFilter value={state} statuses={states} onChange={setState} />
      </header>
      <Content loaded={found}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty title={none.title}>{none.note}</Empty>
          ) : (
            <Table columns={columns} rows={rows} keyOf={({ id }) => id} open={(row) => () => setAsked(row)} />
          )
        }
      </Content>
      <More pages={found} />
      {asked && (
        <Decide
          discrepancy={asked}
          onClose={close}
          onDone={() => {
            close();
            found.reload();
          }}
        />
      )}
    </section>
  );
}

function Decide(props: { discrepancy: WireDiscrepancy; onDone: () => void; onClose: () => void }) {
  const { discrepancy } = props;
  const { id, detail, paymentId, reservationId, history } = discrepancy;
  const [verb, setVerb] = useState<Verb>(
    discrepancy.state === 'resolved' || discrepancy.state === 'void' ? 'reopen' : 'resolve',
  );
  const [reason, setReason] = useState('');
  const action = useAction(
    (body: { action: Verb; reason: string }, key) => resolveDiscrepancy(id, body, key),
    props.onDone,
  );
  return (
    <FormDialog
      title={codeOf(discrepancy)}
      submit="Record it"
      action={action}
      input={() => ({ action: verb, reason })}
      onClose={props.onClose}
    >
      <p>{detail}</p>
      <About paymentId={paymentId} reservationId={reservationId} />
      <Verbs chosen={verb} onChange={setVerb} />
      <TextField
        label="Reason"
        name="reason"
        value={reason}
        onInput={setReason}
        hint="Kept with the discrepancy for good. No money moves by it."
      />
      {history.length > 0 && (
        <ol class="history">
          {history.map(({ action, actor, reason, at }) => (
            <li key={`${at} ${action}`}>
              <When iso={at} /> {actor}: {action}. <span class="quiet">{reason}</span>
            </li>
          ))}
        </ol>
      )}
    </FormDialog>
  );
}

function About({ paymentId, reservationId }: Pick<WireDiscrepancy, 'paymentId' | 'reservationId'>) {
  if (paymentId === null && reservationId === null) return null;
  return (
    <p class="quiet">
      {paymentId !== null && <a href={href('payments', paymentId)}>payment {shortId(paymentId)}</a>}{' '}
      {reservationId !== null && (
        <a href={href('reservations', reservationId)}>reservation {shortId(reservationId)}</a>
      )}
    </p>
  );
}

function Verbs({ chosen, onChange }: { chosen: Verb; onChange: (verb: Verb) => void }) {
  return (
    <fieldset>
      <legend>What is decided</legend>
      {verbs.map(([name, what]) => (
        <label key={name} class="choice">
          <input type="radio" name="action" checked={chosen === name} onChange={() => onChange(name)} />
          <span>{name}</span>
          <span class="quiet">{what}</span>
        </label>
      ))}
    </fieldset>
  );
}

function codeOf({ code }: WireDiscrepancy): string {
  const words = code.toLowerCase().replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function amountOf(value: number | null, currency: string | null): string {
  return value === null || currency === null ? '–' : money(value, currency);
}
