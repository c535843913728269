/**
 * What requests cost on this machine, measured with the scenario to be rehearsed: the service is kept busy for a few seconds each
 * with accepted requests, with payments and with refused requests for carts of the scenario. The rate of each gives its cost to
 * an instance.
 */
import type { Scenario } from '#contracts';
import { systemClock, systemRandom } from '#platform';
import type { HttpCheckout } from './http-checkout.js';
import { type PlannedLine, planOf } from '../scenario/plan.js';
import { Testbed, type TestbedOptions, type Target } from './testbed.js';
import type { Costs } from '../virtual/virtual-shop.js';

export type CalibrationOptions = TestbedOptions & {
  /** A service that runs already; null: one is started. */
  readonly target: Target | null;
};

/** As many as a crowd has to one instance: batches are as large as then. */
const connectionsPerInstance = 128;
/** A process that has just started is slow at first, and a rehearsal is longer than that. */
const warmUpMs = 2_000;
const measureMs = 3_000;
/** Requests sent alone, one after the other: what they take beyond their cost is what a commit takes. */
const aloneCount = 40;
const plentyOfUnits = 10_000_000;
const cartsMax = 1_000;

export async function calibrate(scenario: Scenario, options: CalibrationOptions): Promise<Costs> {
  const calm: Scenario = { ...scenario, faults: [], payment: { ...scenario.payment, via: 'confirm' } };
  const { target, report } = options;
  const testbed = target ? Testbed.at(calm, target) : await Testbed.open(calm, options);
  try {
    report('measuring what requests cost here');
    const { checkout } = testbed;
    const [plenty, nothing] = [plentyOfUnits, 0].map((units) => cartsOf(calm, units));
    for (const { stock } of [plenty!, nothing!]) {
      for (const [sku, onHand] of stock)
        await checkout.put(sku, { onHand, buyerLimit: null, holdTtlSeconds: 600 });
    }
    const held: string[] = [];
    const connections = connectionsPerInstance * calm.instances;
    const accepted = await perSecond(
      connections,
      async () => void held.push(...(await reserve(checkout, plenty!.next()))),
    );
    const paid = await perSecond(
      connections,
      async () => void (await checkout.pay(held.pop() ?? '')),
      () => held.length > 0,
    );
    const refused = await perSecond(connections, async () => void (await reserve(checkout, nothing!.next())));
    const acceptedMs = (1_000 * calm.instances) / accepted;
    return {
      acceptedMs,
      paidMs: (1_000 * calm.instances) / paid,
      refusedMs: (1_000 * calm.instances) / refused,
      commitMs: Math.max(0, (await aloneMs(() => reserve(checkout, plenty!.next()))) - acceptedMs),
    };
  } finally {
    await testbed.close();
  }
}

type Carts = { readonly stock: ReadonlyMap<string, number>; next(): Cart };
type Cart = { readonly buyerId: string; readonly lines: readonly PlannedLine[]; readonly key: string };

/** Carts as the scenario's buyers fill them, each of a buyer of its own. */
function cartsOf(scenario: Scenario, units: number): Carts {
  const prefix = `sim-${systemRandom.bytes(4).toString('hex')}`;
  const { requests, stock } = planOf(
    {
      ...scenario,
      buyers: Math.min(scenario.buyers, cartsMax),
      stock: units,
      bots: { ...scenario.bots, count: 0 },
    },
    prefix,
  );
  let turn = 0;
  const next = (): Cart => {
    turn += 1;
    const buyerId = `${prefix}-${turn}`;
    return { buyerId, lines: requests[turn % requests.length]!.buyer.lines, key: buyerId };
  };
  return { stock, next };
}

async function reserve(checkout: HttpCheckout, cart: Cart): Promise<string[]> {
  const answer = await checkout.reserve(cart);
  return answer.kind === 'accepted' ? [answer.id] : [];
}

/** How often a second, with every connection busy, once it is warm; or all along, when there is no more before that. */
async function perSecond(
  connections: number,
  once: () => Promise<void>,
  more: () => boolean = () => true,
): Promise<number> {
  const startMs = systemClock.monotonicMs();
  const [warmMs, untilMs] = [startMs + warmUpMs, startMs + warmUpMs + measureMs];
  const doneMs: number[] = [];
  const work = async (): Promise<void> => {
    while (more() && systemClock.monotonicMs() < untilMs) {
      await once();
      doneMs.push(systemClock.monotonicMs());
    }
  };
  await Promise.all(Array.from({ length: connections }, work));
  const lastMs = Math.min(untilMs, doneMs.at(-1) ?? untilMs);
  const fromMs = lastMs > warmMs ? warmMs : startMs;
  const count = doneMs.filter((atMs) => atMs > fromMs && atMs <= lastMs).length;
  return (1_000 * Math.max(1, count)) / Math.max(1, lastMs - fromMs);
}

/** The median of requests that wait for nobody. */
async function aloneMs(once: () => Promise<unknown>): Promise<number> {
  const tookMs: number[] = [];
  for (let count = 0; count < aloneCount; count += 1) {
    const startMs = systemClock.monotonicMs();
    await once();
    tookMs.push(systemClock.monotonicMs() - startMs);
  }
  return tookMs.sort((left, right) => left - right)[aloneCount >> 1]!;
}
