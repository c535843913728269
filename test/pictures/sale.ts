/** A small sale over HTTP: buyers come, most of them confirm, a few walk away, and those who come late are refused. */
import { setTimeout as sleep } from 'node:timers/promises';

export type Sale = {
  /** Waits for the moment worth a picture: most units are gone, some are held, some are left. */
  untilPicture(): Promise<void>;
  end(): Promise<void>;
};

const stock = 480;
const tickMs = 100;
/** Attempts in a tick: the crowd at the start, fewer later. */
const arrivalsAt = (tick: number): number => Math.round(1 + 2 * Math.exp(-tick / 80));
const pictureAtUnits = 70;

/** Puts the SKU, beside another that sold out before, and lets the crowd in. */
export async function sell(url: string, sku: string): Promise<Sale> {
  let requests = 0;
  const ask = async (method: string, path: string, key: string, body: unknown) => {
    const response = await fetch(url + path, {
      method,
      headers: {
        authorization: `Bearer hf_dev_${key}`,
        'content-type': 'application/json',
        'idempotency-key': `picture-${++requests}`,
      },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as { id: string; available: number } };
  };
  const reserve = (wanted: string, buyer: number) =>
    ask('POST', '/v1/reservations', 'storefront', {
      buyerId: `buyer-${10_000 + buyer}`,
      lines: [{ sku: wanted, quantity: 1 + (buyer % 7 === 0 ? 1 : 0) }],
    });
  await ask('PUT', `/v1/skus/${sku}`, 'admin', { onHand: stock, buyerLimit: 2 });
  await ask('PUT', '/v1/skus/aurora-lamp-signed', 'admin', { onHand: 0 });

  const state = { ended: false, available: stock, buyers: 0 };
  const held: string[] = [];
  const buy = async (buyer: number) => {
    const { status, body } = await reserve(sku, buyer);
    if (status === 201) held.push(body.id);
  };
  const crowd = async () => {
    for (let tick = 0; !state.ended; tick++) {
      const arriving = Array.from({ length: arrivalsAt(tick) }, () => buy((state.buyers += 1)));
      const refused = tick > 40 ? [reserve('aurora-lamp-signed', tick), reserve(sku, 1 + (tick % 90))] : [];
      const leaving = tick % 9 === 0 ? held.splice(-1, 1) : [];
      const paying = tick > 30 ? held.splice(0, 1 + (tick % 2)) : [];
      await Promise.all([
        ...arriving,
        ...refused,
        ...leaving.map((id) => ask('POST', `/v1/reservations/${id}/release`, 'storefront', {})),
        ...paying.map((id) => ask('POST', `/v1/reservations/${id}/confirm`, 'storefront', {})),
        sleep(tickMs),
      ]);
    }
  };
  const running = crowd();
  return {
    async untilPicture() {
      while (state.available > pictureAtUnits) {
        await sleep(500);
        const response = await fetch(`${url}/v1/skus/${sku}`, {
          headers: { authorization: 'Bearer hf_dev_admin' },
        });
        state.available = ((await response.json()) as { available: number }).available;
      }
    },
    async end() {
      state.ended = true;
      await running;
    },
  };
}
