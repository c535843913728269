/** Reservations without HTTP: many callers of the use cases in this process, in a closed loop. */
import { openInstance } from '../fixtures/holdfast.js';
import { summary, type Measured } from './load.js';
import { unique, type Ground } from './shop.js';

/** @throws when the ledger does not hold what was answered, or an invariant is broken. */
export async function measureEngine(
  { redis, postgres }: Ground,
  options: { readonly callers: number; readonly durationMs: number },
): Promise<Measured & { readonly cpuMicros: number }> {
  const instance = await openInstance({ redisUrl: redis, databaseUrl: postgres });
  try {
    await instance.put('hot', 1_000_000_000);
    let held = 0;
    const loop = async (endsMs: number, latencies: number[]): Promise<void> => {
      while (performance.now() < endsMs) {
        const sentMs = performance.now();
        const { kind } = await instance.reserve('hot', { buyerId: unique() });
        if (kind !== 'held') throw new Error(`without HTTP: answered ${kind}`);
        held += 1;
        latencies.push(performance.now() - sentMs);
      }
    };
    const round = async (durationMs: number): Promise<number[]> => {
      const latencies: number[] = [];
      const endsMs = performance.now() + durationMs;
      await Promise.all(Array.from({ length: options.callers }, () => loop(endsMs, latencies)));
      return latencies;
    };
    await round(options.durationMs / 2);
    const [startedMs, cpu] = [performance.now(), process.cpuUsage()];
    const latencies = await round(options.durationMs);
    const seconds = (performance.now() - startedMs) / 1_000;
    const { user, system } = process.cpuUsage(cpu);
    const level = await instance.services.stock.find('hot');
    if (level?.held !== held) throw new Error(`without HTTP: answered ${held}, in the ledger ${level?.held}`);
    const broken = await instance.brokenInvariants();
    if (broken.length > 0) throw new Error(`without HTTP: the audit found ${JSON.stringify(broken)}`);
    return {
      ...summary(latencies),
      perSecond: latencies.length / seconds,
      statuses: { 201: latencies.length },
      cpuMicros: (user + system) / latencies.length,
    };
  } finally {
    await instance.close();
  }
}
