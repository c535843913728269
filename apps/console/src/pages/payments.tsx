/** Payments: by id or status, newest first, each with the reservation that it is for. */
import type { WirePayment } from '#contracts';
import { useState } from 'preact/hooks';
import { href } from '../address.js';
import { listPayments, readPayment } from '../api/calls.js';
import { useLoad, usePages } from '../api/hooks.js';
import { money } from '../format.js';
import { go, useRoute } from '../router.js';
import { useShortcut } from '../shortcuts.js';
import { More, SearchBox, StatusFilter } from '../ui/lists.js';
import { Content, Empty, Head, Id, Status, When } from '../ui/parts.js';

const paymentStatuses = [
  'created',
  'pending',
  'captured',
  'failed',
  'refund-due',
  'refunded',
] satisfies WirePayment['status'][];

export function PaymentsPage() {
  const status = useRoute().query['status'] ?? '';
  const [id, setId] = useState('');
  const payments = usePages(
    `payments ${status}`,
    (cursor, signal) => listPayments({ status }, { cursor, ...(signal && { signal }) }),
    3_000,
  );
  useShortcut('r', 'Read again', payments.reload);
  const find = (event: Event) => {
    event.preventDefault();
    if (id.trim() !== '') go(href('payments', id.trim()));
  };
  return (
    <>
      <Head title="Payments" />
      <form class="filter" role="search" onSubmit={find}>
        <SearchBox label="Id of a payment" value={id} onInput={setId} />
        <StatusFilter
          value={status}
          statuses={paymentStatuses}
          onChange={(next) => go(href('payments', '', { status: next }))}
        />
        <button type="submit" class="button">
          Find
        </button>
      </form>
      <Content loaded={payments}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty title={status === '' ? 'No payment yet' : `No payment is ${status}`}>
              A payment begins when a checkout pays for a reservation.
            </Empty>
          ) : (
            <PaymentList rows={rows} />
          )
        }
      </Content>
      <More pages={payments} />
    </>
  );
}

function PaymentList({ rows }: { rows: readonly WirePayment[] }) {
  return (
    <table class="list">
      <thead>
        <tr>
          <th>Payment</th>
          <th>Provider</th>
          <th>Status</th>
          <th class="number">Amount</th>
          <th class="number">Made</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ id, provider, status, amount, createdAt }) => (
          <tr key={id} onClick={() => go(href('payments', id))}>
            <td class="main">
              <a href={href('payments', id)}>
                <Id id={id} />
              </a>
            </td>
            <td class="text" data-label="Provider">
              {provider}
            </td>
            <td data-label="Status">
              <Status value={status} />
            </td>
            <td class="number" data-label="Amount">
              {money(amount.value, amount.currency)}
            </td>
            <td class="number" data-label="Made">
              <When iso={createdAt} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function PaymentPage({ id }: { id: string }) {
  const loaded = useLoad(`payment ${id}`, (signal) => readPayment(id, signal), 3_000);
  useShortcut('r', 'Read again', loaded.reload);
  return (
    <>
      <Head title="Payment" note={<Id id={id} full />} />
      <Content loaded={loaded}>
        {({ status, amount, provider, reservationId, createdAt }) => (
          <dl class="facts">
            <dt>Status</dt>
            <dd aria-live="polite">
              <Status value={status} />
            </dd>
            <dt>Amount</dt>
            <dd>{money(amount.value, amount.currency)}</dd>
            <dt>Provider</dt>
            <dd>{provider}</dd>
            <dt>Reservation</dt>
            <dd>
              <a href={href('reservations', reservationId)}>
                <Id id={reservationId} />
              </a>
            </dd>
            <dt>Made</dt>
            <dd>
              <When iso={createdAt} />
            </dd>
          </dl>
        )}
      </Content>
    </>
  );
}
