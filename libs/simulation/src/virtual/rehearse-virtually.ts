/**
 * A rehearsal in virtual time: the same plan, the same sale, the same witness as in real time, over the shop in memory. A
 * seed gives the same report again, byte by byte, on any machine.
 */
import { arrivalSeconds, type Scenario, type SimulationProgress, type SimulationReport } from '#contracts';
import { planOf } from '../scenario/plan.js';
import { reportOf } from '../report/report.js';
import { Sale } from '../sale/sale.js';
import { type Costs, VirtualShop } from './virtual-shop.js';
import { VirtualTime } from './virtual-time.js';

export type VirtualOptions = {
  readonly costs?: Costs;
  readonly onProgress?: (progress: SimulationProgress) => void;
  /** Ends the sale early. */
  readonly signal?: AbortSignal;
};

/**
 * From docs/benchmarks.md, one instance on Redis and PostgreSQL with 64 connections: 6,520 accepted and 18,188 refused
 * a second. A payment is a transaction like an accepted request.
 */
export const benchmarkCosts: Costs = { acceptedMs: 0.15, paidMs: 0.15, refusedMs: 0.055, commitMs: 10 };

/** Any date will do, as long as it is always the same. */
const beganMs = Date.UTC(2026, 0, 1);
const progressSteps = 100;

export async function rehearseVirtually(
  scenario: Scenario,
  { costs = benchmarkCosts, onProgress, signal }: VirtualOptions = {},
): Promise<SimulationReport> {
  const plan = planOf(scenario);
  const time = new VirtualTime(beganMs);
  const shop = new VirtualShop(scenario, plan, time, costs);
  const sale = new Sale({ scenario, plan, checkout: shop, clock: time, timers: time });
  const stepMs = Math.max(1, (arrivalSeconds(scenario) * 1_000) / progressSteps);
  const tell = (): void => {
    if (signal?.aborted) sale.stop();
    onProgress?.(sale.progress());
    time.after(stepMs, tell);
  };
  await time.pass(
    (async () => {
      await shop.open();
      tell();
      await sale.run();
    })(),
  );
  onProgress?.({ ...sale.progress(), phase: 'finished' });
  return reportOf(sale, scenario, {
    oversold: sale.witness.oversold(),
    undersold: sale.undersold(),
    invariants: await invariantsOf(sale, shop, scenario),
    crash: null,
    faults: [],
  });
}

async function invariantsOf(
  { witness }: Sale,
  shop: VirtualShop,
  scenario: Scenario,
): Promise<SimulationReport['invariants']> {
  const { units, given, negative, decided, committed } = await shop.state();
  const known = await Promise.all(witness.all().map(({ id }) => shop.isKnown(id)));
  const lost = known.filter((isKnown) => !isKnown).length;
  const { buyerLimit } = scenario;
  return [
    {
      id: 'I1',
      ok: witness.oversold() === 0 && negative === 0,
      detail: `${witness.oversold()} units acknowledged beyond those there were; ${given} of ${units} given away in the store`,
    },
    { id: 'I2', ok: lost === 0, detail: `${known.length} acknowledgements, ${lost} not in the ledger` },
    {
      id: 'I4',
      ok: witness.beyondLimit === 0,
      detail:
        buyerLimit === null
          ? 'there is no limit'
          : `${witness.beyondLimit} acknowledgements beyond the limit of ${buyerLimit}`,
    },
    { id: 'I10', ok: decided === committed, detail: `${decided} decisions, ${committed} in the ledger` },
  ];
}
