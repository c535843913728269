/** Payments: by id or status, newest first, each with the reservation that it is for. */
import type { WirePayment } from '#contracts';
import { listPayments, readPayment } from '../api/calls.js';
import { useLoad } from '../api/hooks.js';
import { money } from '../format.js';
import { useShortcut } from '../shortcuts.js';
import { Finder } from '../ui/finder.js';
import { Content, Fact, Facts, Head, Id, LinkedId, Status, When } from '../ui/parts.js';
import type { Column } from '../ui/table.js';

const paymentStatuses = [
  'created',
  'pending',
  'captured',
  'failed',
  'refund-due',
  'refunded',
] satisfies WirePayment['status'][];

const columns: readonly Column<WirePayment>[] = [
  {
    label: 'Payment',
    kind: 'main',
    plain: true,
    cell: ({ id }) => <LinkedId page="payments" id={id} />,
  },
  { label: 'Status', kind: 'state', plain: true, cell: ({ status }) => <Status value={status} /> },
  { label: 'Provider', kind: 'text', plain: true, cell: ({ provider }) => provider },
  { label: 'Amount', kind: 'money', cell: ({ amount }) => money(amount.value, amount.currency) },
  { label: 'Made', kind: 'number', cell: ({ createdAt }) => <When iso={createdAt} /> },
];

export function PaymentsPage() {
  return (
    <Finder
      page="payments"
      title="Payments"
      noun="a payment"
      statuses={paymentStatuses}
      list={listPayments}
      columns={columns}
    >
      A payment begins when a checkout pays for a reservation.
    </Finder>
  );
}

export function PaymentPage({ id }: { id: string }) {
  const loaded = useLoad(`payment ${id}`, (signal) => readPayment(id, signal), 3_000);
  useShortcut('r', 'Reload', loaded.reload);
  return (
    <>
      <Head
        title="Payment"
        note={<Id id={id} full />}
        back={['payments', 'Payments']}
        status={loaded.value?.status}
      />
      <Content loaded={loaded}>
        {({ amount, provider, reservationId, createdAt }) => (
          <Facts>
            <Fact label="Amount">{money(amount.value, amount.currency)}</Fact>
            <Fact label="Provider">{provider}</Fact>
            <Fact label="Reservation">
              <LinkedId page="reservations" id={reservationId} />
            </Fact>
            <Fact label="Made">
              <When iso={createdAt} full />
            </Fact>
          </Facts>
        )}
      </Content>
    </>
  );
}
