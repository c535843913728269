/**
 * What every buyer is going to do, drawn from the seed before anything starts: when they arrive, what they want, whether they
 * click again, whether they pay. Real time, virtual time and all strategies carry out the same plan.
 */
import { arrivalSeconds, type Arrivals, type Scenario } from '#contracts';
import { SeededRandom } from './seeded-random.js';

export type PlannedLine = { readonly sku: string; readonly quantity: number };

/** What a buyer does once units are held. */
type Intention =
  | { readonly kind: 'pay'; readonly afterMs: number }
  | { readonly kind: 'decline'; readonly afterMs: number }
  | { readonly kind: 'abandon' };

export type PlannedBuyer = {
  readonly id: string;
  readonly lines: readonly PlannedLine[];
  readonly intention: Intention;
  /** Asks until it has something; never pays. */
  readonly bot: boolean;
};

/** One click. Each has an Idempotency-Key of its own. */
export type PlannedRequest = {
  readonly atMs: number;
  readonly buyer: PlannedBuyer;
  readonly key: string;
};

export type Plan = {
  /** By SKU. */
  readonly stock: ReadonlyMap<string, number>;
  /** In the order of their time. */
  readonly requests: readonly PlannedRequest[];
  readonly restocks: readonly { readonly atMs: number; readonly sku: string; readonly units: number }[];
};

/** At the end of a spike the rate is this share of what it was at the start. */
const spikeEndsAt = 0.05;

/** @param prefix of SKUs and keys, so that runs on one service do not meet. */
export function planOf(scenario: Scenario, prefix = 'sim'): Plan {
  const skus = Array.from({ length: scenario.skus }, (_, index) => `${prefix}-${index + 1}`);
  const shares = sharesOf(scenario.stock, skus.length);
  const requests = [...buyersOf(scenario, skus, prefix), ...botsOf(scenario, skus, prefix)];
  // A stable order, also for those who come at the same time.
  requests.sort((left, right) => left.atMs - right.atMs || (left.key < right.key ? -1 : 1));
  const restocks = scenario.restocks.flatMap(({ atSeconds, units }) =>
    sharesOf(units, skus.length).flatMap((share, index) =>
      share > 0 ? [{ atMs: atSeconds * 1_000, sku: skus[index]!, units: share }] : [],
    ),
  );
  restocks.sort((left, right) => left.atMs - right.atMs);
  return { stock: new Map(skus.map((sku, index) => [sku, shares[index]!])), requests, restocks };
}

function buyersOf(scenario: Scenario, skus: readonly string[], prefix: string): PlannedRequest[] {
  const { seed, buyers, repeatClicks, arrivals } = scenario;
  const times = new SeededRandom(seed, 'arrivals');
  const carts = new SeededRandom(seed, 'carts');
  const clicks = new SeededRandom(seed, 'clicks');
  const minds = new SeededRandom(seed, 'intentions');
  const pick = pickerOf(scenario, skus);
  const timeOf = arrivalTime(arrivals);
  return Array.from({ length: buyers }, (_, index) => {
    const buyer: PlannedBuyer = {
      id: `${prefix}-buyer-${index + 1}`,
      lines: cartOf(scenario, carts, pick),
      intention: intentionOf(scenario, minds),
      bot: false,
    };
    const atMs = timeOf(times.fraction());
    const again = clicks.chance(repeatClicks.share) ? repeatClicks.clicks : 0;
    return Array.from({ length: 1 + again }, (_, click) => ({
      atMs: atMs + click * repeatClicks.everyMs,
      buyer,
      key: `${buyer.id}-${click}`,
    }));
  }).flat();
}

function botsOf(scenario: Scenario, skus: readonly string[], prefix: string): PlannedRequest[] {
  const { seed, bots } = scenario;
  const random = new SeededRandom(seed, 'bots');
  const pick = pickerOf(scenario, skus);
  return Array.from({ length: bots.count }, (_, index) => {
    const id = `${prefix}-bot-${index + 1}`;
    const lines = cartOf(scenario, random, pick);
    const buyer: PlannedBuyer = { id, lines, intention: { kind: 'abandon' }, bot: true };
    const startsMs = random.between(0, bots.everyMs);
    return Array.from({ length: bots.requestsEach }, (_, request) => ({
      atMs: startsMs + request * bots.everyMs,
      buyer,
      key: `${id}-${request}`,
    }));
  }).flat();
}

/** The time of an arrival, in milliseconds, for a fraction drawn evenly: the inverse of the curve's sum. */
function arrivalTime(arrivals: Arrivals): (fraction: number) => number {
  const lengthMs = arrivalSeconds({ arrivals }) * 1_000;
  switch (arrivals.curve) {
    case 'steady':
      return (fraction) => fraction * lengthMs;
    case 'ramp':
      return (fraction) => Math.sqrt(fraction) * lengthMs;
    case 'spike': {
      const decay = -Math.log(spikeEndsAt);
      return (fraction) => (-Math.log(1 - fraction * (1 - spikeEndsAt)) / decay) * lengthMs;
    }
    case 'recorded': {
      const until: number[] = [];
      for (const weight of arrivals.perSecond) until.push((until.at(-1) ?? 0) + weight);
      return (fraction) => {
        const wanted = fraction * until.at(-1)!;
        const second = firstAbove(until, wanted);
        const before = second === 0 ? 0 : until[second - 1]!;
        return (second + (wanted - before) / (until[second]! - before)) * 1_000;
      };
    }
  }
}

/** The first index whose sum is above; the last sum is. */
function firstAbove(sums: readonly number[], wanted: number): number {
  let [low, high] = [0, sums.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sums[middle]! > wanted) high = middle;
    else low = middle + 1;
  }
  return low;
}

function pickerOf({ popularity }: Scenario, skus: readonly string[]): (fraction: number) => string {
  if (popularity === 'even') return (fraction) => skus[Math.floor(fraction * skus.length)]!;
  const until: number[] = [];
  for (const index of skus.keys()) until.push((until.at(-1) ?? 0) + 1 / (index + 1));
  return (fraction) => skus[firstAbove(until, fraction * until.at(-1)!)]!;
}

function cartOf(
  { cart }: Scenario,
  random: SeededRandom,
  pick: (fraction: number) => string,
): readonly PlannedLine[] {
  const wanted = random.integer(1, cart.linesMax);
  const lines = new Map<string, number>();
  // A favourite may be picked twice; then the cart has a line less.
  for (let line = 0; line < wanted; line += 1) {
    lines.set(pick(random.fraction()), random.integer(1, cart.quantityMax));
  }
  return Array.from(lines, ([sku, quantity]) => ({ sku, quantity }));
}

function intentionOf({ payment }: Scenario, random: SeededRandom): Intention {
  const { declineShare, abandonShare, delaySeconds } = payment;
  const mood = random.fraction();
  const afterMs = random.between(delaySeconds.min, delaySeconds.max) * 1_000;
  if (mood < abandonShare) return { kind: 'abandon' };
  return { kind: mood < abandonShare + declineShare ? 'decline' : 'pay', afterMs };
}

/** A number of units over a number of SKUs; the first get what does not come out even. */
function sharesOf(units: number, skus: number): readonly number[] {
  const each = Math.floor(units / skus);
  const rest = units % skus;
  return Array.from({ length: skus }, (_, index) => each + (index < rest ? 1 : 0));
}
