/** One reservation: what it is, and what may be done to it. */
import type { WireReservation } from '#contracts';
import { useState } from 'preact/hooks';
import { href } from '../address.js';
import { confirmReservation, extendReservation, readReservation, releaseReservation } from '../api/calls.js';
import { useAction, useLoad } from '../api/hooks.js';
import { lines } from '../format.js';
import { useShortcut } from '../shortcuts.js';
import { Confirm, FormDialog } from '../ui/dialog.js';
import { Cart, Content, Countdown, TextField, Head, Id, Status, When } from '../ui/parts.js';
import { typed } from './sku-dialogs.js';

type Asking = 'release' | 'extend' | 'confirm';

export function ReservationPage({ id }: { id: string }) {
  const loaded = useLoad(`reservation ${id}`, (signal) => readReservation(id, signal), 3_000);
  const [asking, setAsking] = useState<Asking>();
  const held = loaded.value?.status === 'held';
  useShortcut('r', 'Read again', loaded.reload);
  useShortcut('x', 'Release the reservation', () => held && setAsking('release'));
  useShortcut('e', 'Extend the reservation', () => held && setAsking('extend'));
  const done = () => {
    setAsking(undefined);
    loaded.reload();
  };
  return (
    <>
      <Head title="Reservation" note={<Id id={id} full />}>
        {held && (
          <>
            <button type="button" class="button" onClick={() => setAsking('confirm')}>
              Confirm
            </button>
            <button type="button" class="button" onClick={() => setAsking('extend')}>
              Extend
            </button>
            <button type="button" class="button button-danger" onClick={() => setAsking('release')}>
              Release
            </button>
          </>
        )}
      </Head>
      <Content loaded={loaded}>{(reservation) => <Facts reservation={reservation} />}</Content>
      {loaded.value && asking && (
        <Ask asking={asking} reservation={loaded.value} onDone={done} onClose={() => setAsking(undefined)} />
      )}
    </>
  );
}

function Facts({ reservation }: { reservation: WireReservation }) {
  const { status, buyerId, createdAt, expiresAt, orderId, paying, metadata } = reservation;
  return (
    <dl class="facts">
      <dt>Status</dt>
      <dd aria-live="polite">
        <Status value={status} />
      </dd>
      {status === 'held' && (
        <>
          <dt>Time left</dt>
          <dd>
            <Countdown iso={expiresAt} />
          </dd>
        </>
      )}
      <dt>Buyer</dt>
      <dd>
        <a href={href('reservations', '', { buyer: buyerId })}>{buyerId}</a>
      </dd>
      <dt>Units</dt>
      <dd>
        <Cart lines={reservation.lines} />
      </dd>
      <dt>Made</dt>
      <dd>
        <When iso={createdAt} />
      </dd>
      <dt>Held until</dt>
      <dd>
        <When iso={expiresAt} />
      </dd>
      {paying !== undefined && (
        <>
          <dt>Payment</dt>
          <dd>
            <a href={href('payments', paying.paymentId)}>
              <Id id={paying.paymentId} />
            </a>{' '}
            <span class="quiet">
              decided within <Countdown iso={paying.deadline} />
            </span>
          </dd>
        </>
      )}
      {orderId !== undefined && (
        <>
          <dt>Order</dt>
          <dd>
            <a href={href('orders', orderId)}>
              <Id id={orderId} />
            </a>
          </dd>
        </>
      )}
      {metadata !== undefined && (
        <>
          <dt>Metadata</dt>
          <dd>
            <pre>{JSON.stringify(metadata, null, 2)}</pre>
          </dd>
        </>
      )}
    </dl>
  );
}

function Ask(props: {
  asking: Asking;
  reservation: WireReservation;
  onDone: () => void;
  onClose: () => void;
}) {
  const { id, buyerId, lines: cart } = props.reservation;
  const [ttl, setTtl] = useState('600');
  const release = useAction((_: null, key) => releaseReservation(id, key), props.onDone);
  const confirm = useAction((_: null, key) => confirmReservation(id, key), props.onDone);
  const extend = useAction((seconds: number, key) => extendReservation(id, seconds, key), props.onDone);
  const what = `${lines(cart)} for ${buyerId}`;
  switch (props.asking) {
    case 'release':
      return (
        <Confirm
          title="Release this reservation?"
          submit="Release"
          danger
          action={release}
          onClose={props.onClose}
        >
          <p>{what}: the units go back on sale at once, and the buyer loses them.</p>
        </Confirm>
      );
    case 'confirm':
      return (
        <Confirm title="Confirm without a payment?" submit="Confirm" action={confirm} onClose={props.onClose}>
          <p>{what}: an order is made, and the units are sold.</p>
        </Confirm>
      );
    case 'extend':
      return (
        <FormDialog
          title="Extend this reservation"
          submit="Extend"
          action={extend}
          input={() => typed(ttl)}
          onClose={props.onClose}
        >
          <TextField
            label="Seconds from now"
            hint="The deadline moves later, never earlier."
            name="ttlSeconds"
            value={ttl}
            onInput={setTtl}
            digits
          />
        </FormDialog>
      );
  }
}
