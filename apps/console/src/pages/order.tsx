/** One order: what was sold to whom, and how it ends. */
import type { WireOrder } from '#contracts';
import { useState } from 'preact/hooks';
import { href } from '../address.js';
import { endOrder, readOrder } from '../api/calls.js';
import { useAction, useLoad } from '../api/hooks.js';
import { lines } from '../format.js';
import { useShortcut } from '../shortcuts.js';
import { Confirm } from '../ui/dialog.js';
import { Cart, Content, Fact, Facts, Head, Id, LinkedId, When } from '../ui/parts.js';

type Verb = 'fulfil' | 'cancel';

export function OrderPage({ id }: { id: string }) {
  const loaded = useLoad(`order ${id}`, (signal) => readOrder(id, signal), 3_000);
  const [asking, setAsking] = useState<Verb>();
  const order = loaded.value;
  const open = order?.status === 'confirmed';
  const close = () => setAsking(undefined);
  const end = useAction(
    ({ verb }: { verb: Verb }, key) => endOrder(id, verb, key),
    () => {
      close();
      loaded.reload();
    },
  );
  const action = { ...end, run: () => end.run({ verb: asking! }) };
  useShortcut('r', 'Reload', loaded.reload);
  useShortcut('f', 'Fulfil the order', () => open && setAsking('fulfil'));
  useShortcut('x', 'Cancel the order', () => open && setAsking('cancel'));
  return (
    <>
      <Head title="Order" note={<Id id={id} full />} back={['orders', 'Orders']} status={order?.status}>
        {open && (
          <>
            <button type="button" class="button button-primary" onClick={() => setAsking('fulfil')}>
              Fulfil
            </button>
            <button type="button" class="button button-danger" onClick={() => setAsking('cancel')}>
              Cancel
            </button>
          </>
        )}
      </Head>
      <Content loaded={loaded}>{(order) => <OrderFacts order={order} />}</Content>
      {order && asking === 'cancel' && (
        <Confirm title="Cancel this order?" submit="Cancel the order" danger action={action} onClose={close}>
          <p>
            {lines(order.lines)} for {order.buyerId}: the units go back on sale. This cannot be undone.
          </p>
        </Confirm>
      )}
      {order && asking === 'fulfil' && (
        <Confirm title="Fulfil this order?" submit="Fulfil" action={action} onClose={close}>
          <p>
            {lines(order.lines)} for {order.buyerId}: the order is done and can no longer be cancelled.
          </p>
        </Confirm>
      )}
    </>
  );
}

function OrderFacts({ order: { buyerId, lines: cart, createdAt, reservationId } }: { order: WireOrder }) {
  return (
    <Facts>
      <Fact label="Buyer">
        <a href={href('reservations', '', { buyer: buyerId })}>{buyerId}</a>
      </Fact>
      <Fact label="Units">
        <Cart lines={cart} />
      </Fact>
      <Fact label="Made">
        <When iso={createdAt} full />
      </Fact>
      <Fact label="Reservation">
        <LinkedId page="reservations" id={reservationId} />
      </Fact>
    </Facts>
  );
}
