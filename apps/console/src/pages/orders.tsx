/** Orders: by id or status, newest first. By buyer or SKU they are found through their reservation. */
import type { WireOrder } from '#contracts';
import { useState } from 'preact/hooks';
import { href } from '../address.js';
import { listOrders } from '../api/calls.js';
import { usePages } from '../api/hooks.js';
import { lines } from '../format.js';
import { go, useRoute } from '../router.js';
import { useShortcut } from '../shortcuts.js';
import { More, SearchBox, StatusFilter } from '../ui/lists.js';
import { Content, Empty, Head, Id, Status, When } from '../ui/parts.js';

const orderStatuses = ['confirmed', 'fulfilled', 'cancelled'];

export function OrdersPage() {
  const status = useRoute().query['status'] ?? '';
  const [id, setId] = useState('');
  const orders = usePages(
    `orders ${status}`,
    (cursor, signal) => listOrders({ status }, { cursor, ...(signal && { signal }) }),
    3_000,
  );
  useShortcut('r', 'Read again', orders.reload);
  const find = (event: Event) => {
    event.preventDefault();
    if (id.trim() !== '') go(href('orders', id.trim()));
  };
  return (
    <>
      <Head title="Orders" />
      <form class="filter" role="search" onSubmit={find}>
        <SearchBox label="Id of an order" value={id} onInput={setId} />
        <StatusFilter
          value={status}
          statuses={orderStatuses}
          onChange={(next) => go(href('orders', '', { status: next }))}
        />
        <button type="submit" class="button">
          Find
        </button>
      </form>
      <Content loaded={orders}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty title={status === '' ? 'No order yet' : `No order is ${status}`}>
              A reservation becomes an order when it is confirmed.
            </Empty>
          ) : (
            <OrderList rows={rows} />
          )
        }
      </Content>
      <More pages={orders} />
    </>
  );
}

function OrderList({ rows }: { rows: readonly WireOrder[] }) {
  return (
    <table class="list">
      <thead>
        <tr>
          <th>Order</th>
          <th>Buyer</th>
          <th>Units</th>
          <th>Status</th>
          <th class="number">Made</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.id} onClick={() => go(href('orders', row.id))}>
            <td class="main">
              <a href={href('orders', row.id)}>
                <Id id={row.id} />
              </a>
            </td>
            <td class="text" data-label="Buyer">
              {row.buyerId}
            </td>
            <td class="text" data-label="Units">
              {lines(row.lines)}
            </td>
            <td data-label="Status">
              <Status value={row.status} />
            </td>
            <td class="number" data-label="Made">
              <When iso={row.createdAt} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
