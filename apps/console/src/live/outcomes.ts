/**
 * What became of attempts at a reservation, a second: differences between readings of /metrics. A counter that went
 * back (the service was started again) counts from nothing.
 */

export type Outcomes = Readonly<Record<string, number>>;

export type OutcomePoint = { readonly atMs: number; readonly accepted: number; readonly refused: number };

const metric = 'holdfast_reservations_total';
const pointsMax = 1_800;
/** Rates are told over this long, so that they can be read. */
const rateWindowMs = 4_000;

/** Attempts by outcome, whatever other labels the lines have. */
export function parseOutcomes(text: string): Outcomes {
  const totals: Record<string, number> = {};
  for (const [, labels, value] of text.matchAll(new RegExp(`^${metric}\\{([^}]*)\\} (\\S+)`, 'gm'))) {
    const outcome = /outcome="([^"]*)"/.exec(labels!)?.[1];
    if (outcome !== undefined) totals[outcome] = (totals[outcome] ?? 0) + Number(value);
  }
  return totals;
}

export class OutcomeRates {
  private readings: { readonly atMs: number; readonly totals: Outcomes }[] = [];
  private kept: OutcomePoint[] = [];

  get points(): readonly OutcomePoint[] {
    return this.kept;
  }

  get totals(): Outcomes {
    return this.readings.at(-1)?.totals ?? {};
  }

  add(totals: Outcomes, atMs: number): void {
    const before = this.readings.at(-1);
    this.readings.push({ atMs, totals });
    this.readings = this.readings.filter((reading) => reading.atMs >= atMs - rateWindowMs - 1_000);
    if (before === undefined || atMs <= before.atMs) return;
    this.kept.push({ atMs, ...summed(ratesBetween(before, { atMs, totals })) });
    if (this.kept.length > pointsMax) this.kept = this.kept.slice(-pointsMax);
  }

  /** By outcome, over the last seconds; null: one reading is no rate. */
  perSecond(): Outcomes | null {
    const [first] = this.readings;
    const last = this.readings.at(-1);
    if (first === undefined || last === undefined || first === last) return null;
    return ratesBetween(first, last);
  }
}

/** Held is accepted; what was decided against the buyer is refused; what failed is neither. */
export function summed(rates: Outcomes): { accepted: number; refused: number } {
  const others = new Set(['held', 'unavailable', 'error']);
  const refused = Object.entries(rates).filter(([outcome]) => !others.has(outcome));
  return { accepted: rates['held'] ?? 0, refused: refused.reduce((sum, [, rate]) => sum + rate, 0) };
}

function ratesBetween(
  from: { readonly atMs: number; readonly totals: Outcomes },
  to: { readonly atMs: number; readonly totals: Outcomes },
): Outcomes {
  const seconds = (to.atMs - from.atMs) / 1_000;
  return Object.fromEntries(
    Object.entries(to.totals).map(([outcome, total]) => {
      const before = from.totals[outcome] ?? 0;
      return [outcome, (total >= before ? total - before : total) / seconds];
    }),
  );
}
