/** One reservation: what it is, and what may be done to it. */
import type { WireReservation } from '#contracts';
import { useState } from 'preact/hooks';
import { href } from '../address.js';
import { confirmReservation, extendReservation, readReservation, releaseReservation } from '../api/calls.js';
import { useAction, useLoad } from '../api/hooks.js';
import { lines } from '../format.js';
import { useShortcut } from '../shortcuts.js';
import { Confirm, FormDialog } from '../ui/dialog.js';
import { Cart, Content, Countdown, Fact, Facts, Head, Id, LinkedId, TextField, When } from '../ui/parts.js';
import { typed } from './sku-dialogs.js';

type Asking = 'release' | 'extend' | 'confirm';

export function ReservationPage({ id }: { id: string }) {
  const loaded = useLoad(`reservation ${id}`, (signal) => readReservation(id, signal), 3_000);
  const [asking, setAsking] = useState<Asking>();
  const held = loaded.value?.status === 'held';
  useShortcut('r', 'Reload', loaded.reload);
  useShortcut('x', 'Release the reservation', () => held && setAsking('release'));
  useShortcut('e', 'Extend the reservation', () => held && setAsking('extend'));
  const done = () => {
    setAsking(undefined);
    loaded.reload();
  };
  return (
    <>
      <Head
        title="Reservation"
        note={<Id id={id} full />}
        back={['reservations', 'Reservations']}
        status={loaded.value?.status}
      >
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
      <Content loaded={loaded}>{(reservation) => <ReservationFacts reservation={reservation} />}</Content>
      {loaded.value && asking && (
        <Ask asking={asking} reservation={loaded.value} onDone={done} onClose={() => setAsking(undefined)} />
      )}
    </>
  );
}

function ReservationFacts({ reservation }: { reservation: WireReservation }) {
  const { status, buyerId, createdAt, expiresAt, orderId, paying, metadata } = reservation;
  return (
    <Facts>
      {status === 'held' && (
        <Fact label="Time left">
          <Countdown iso={expiresAt} />
        </Fact>
      )}
      <Fact label="Buyer">
        <a href={href('reservations', '', { buyer: buyerId })}>{buyerId}</a>
      </Fact>
      <Fact label="Units">
        <Cart lines={reservation.lines} />
      </Fact>
      <Fact label="Made">
        <When iso={createdAt} full />
      </Fact>
      <Fact label="Held until">
        <When iso={expiresAt} full />
      </Fact>
      {paying !== undefined && (
        <Fact label="Payment">
          <LinkedId page="payments" id={paying.paymentId} />{' '}
          <span class="quiet">
            decided within <Countdown iso={paying.deadline} />
          </span>
        </Fact>
      )}
      {orderId !== undefined && (
        <Fact label="Order">
          <LinkedId page="orders" id={orderId} />
        </Fact>
      )}
      {metadata !== undefined && (
        <Fact label="Metadata">
          <pre>{JSON.stringify(metadata, null, 2)}</pre>
        </Fact>
      )}
    </Facts>
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
