/** Orders: by id or status, newest first. By buyer or SKU they are found through their reservation. */
import type { WireOrder } from '#contracts';
import { listOrders } from '../api/calls.js';
import { lines } from '../format.js';
import { Finder } from '../ui/finder.js';
import { LinkedId, Status, When } from '../ui/parts.js';
import type { Column } from '../ui/table.js';

const statuses = ['confirmed', 'fulfilled', 'cancelled'] satisfies WireOrder['status'][];

const columns: readonly Column<WireOrder>[] = [
  { label: 'Order', kind: 'main', plain: true, cell: ({ id }) => <LinkedId page="orders" id={id} /> },
  { label: 'Status', kind: 'state', plain: true, cell: ({ status }) => <Status value={status} /> },
  {
    label: 'Buyer',
    kind: 'text',
    plain: true,
    cell: ({ buyerId }) => buyerId,
    whole: ({ buyerId }) => buyerId,
  },
  {
    label: 'Units',
    kind: 'text',
    plain: true,
    cell: (order) => lines(order.lines),
    whole: (order) => lines(order.lines),
  },
  { label: 'Made', kind: 'number', cell: ({ createdAt }) => <When iso={createdAt} /> },
];

export function OrdersPage() {
  return (
    <Finder
      page="orders"
      title="Orders"
      noun="an order"
      statuses={statuses}
      list={listOrders}
      columns={columns}
    >
      A reservation becomes an order when it is confirmed.
    </Finder>
  );
}
