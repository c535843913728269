/** Reservations: found by id, buyer, SKU or status, newest first. */
import type { WireReservation } from '#contracts';
import { useState } from 'preact/hooks';
import { href } from '../address.js';
import { listReservations } from '../api/calls.js';
import { usePages } from '../api/hooks.js';
import { go, useRoute } from '../router.js';
import { useShortcut } from '../shortcuts.js';
import { cartColumns } from '../ui/cart-columns.js';
import { More, SearchBox, StatusFilter } from '../ui/lists.js';
import { Content, Countdown, Empty, Head, When } from '../ui/parts.js';
import { type Column, Table } from '../ui/table.js';

const reservationStatuses = [
  'held',
  'paying',
  'released',
  'expired',
  'late-paid',
  'refund-due',
  'refunded',
  'confirmed',
  'fulfilled',
  'cancelled',
] satisfies WireReservation['status'][];
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function ReservationsPage() {
  const { query } = useRoute();
  const filter = { buyerId: query['buyer'] ?? '', sku: query['sku'] ?? '', status: query['status'] ?? '' };
  const reservations = usePages(
    JSON.stringify(filter),
    (cursor, signal) => listReservations(filter, { cursor, ...(signal && { signal }) }),
    3_000,
  );
  useShortcut('r', 'Reload', reservations.reload);
  const filtered = Object.values(filter).some((value) => value !== '');
  return (
    <>
      <Head title="Reservations" />
      <Filter key={JSON.stringify(filter)} {...filter} />
      <Content loaded={reservations}>
        {(rows) => (rows.length > 0 ? <ReservationList rows={rows} /> : <Nothing filtered={filtered} />)}
      </Content>
      <More pages={reservations} />
    </>
  );
}

function Nothing({ filtered }: { filtered: boolean }) {
  if (!filtered) return <Empty title="No reservation yet">The first one appears here.</Empty>;
  return (
    <Empty title="Nothing fits">
      Ids, buyers and SKUs are looked for exactly as they are.{' '}
      <a href={href('reservations')}>Show all reservations</a>
    </Empty>
  );
}

function Filter(props: { buyerId: string; sku: string; status: string }) {
  const [text, setText] = useState(props.buyerId);
  const [sku, setSku] = useState(props.sku);
  const search = (status: string) =>
    go(href('reservations', '', { buyer: text.trim(), sku: sku.trim(), status }));
  const submit = (event: Event) => {
    event.preventDefault();
    if (uuid.test(text.trim())) go(href('reservations', text.trim()));
    else search(props.status);
  };
  return (
    <form class="filter" role="search" onSubmit={submit}>
      <SearchBox label="Id or buyer" value={text} onInput={setText} />
      <input
        class="search"
        aria-label="SKU"
        placeholder="SKU"
        autoComplete="off"
        spellcheck={false}
        value={sku}
        onInput={(event) => setSku(event.currentTarget.value)}
      />
      <StatusFilter value={props.status} statuses={reservationStatuses} onChange={search} />
      <button type="submit" class="button">
        Find
      </button>
    </form>
  );
}

const columns: readonly Column<WireReservation>[] = [
  ...cartColumns<WireReservation>('Reservation', 'reservations'),
  {
    label: 'Time left',
    kind: 'number',
    cell: ({ status, expiresAt }) => (status === 'held' ? <Countdown iso={expiresAt} /> : '–'),
  },
  { label: 'Made', kind: 'number', cell: ({ createdAt }) => <When iso={createdAt} /> },
];

export function ReservationList({ rows }: { rows: readonly WireReservation[] }) {
  return (
    <Table columns={columns} rows={rows} keyOf={({ id }) => id} open={({ id }) => href('reservations', id)} />
  );
}
