/** Orders: by id or status, newest first. By buyer or SKU they are found through their reservation. */
import type { WireOrder } from '#contracts';
import { listOrders } from '../api/calls.js';
import { cartColumns } from '../ui/cart-columns.js';
import { Finder } from '../ui/finder.js';
import { When } from '../ui/parts.js';
import type { Column } from '../ui/table.js';

const statuses = ['confirmed', 'fulfilled', 'cancelled'] satisfies WireOrder['status'][];

const columns: readonly Column<WireOrder>[] = [
  ...cartColumns<WireOrder>('Order', 'orders'),
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
