/**
 * Reservations without HTTP: many callers of the use cases in this process, and the processor time that each of the
 * three programs takes for one of them. Closed loop, or open: due at a fixed rate, whatever becomes of them.
 */
import { readdirSync, readFileSync } from 'node:fs';
import type { Durability } from '#reservations';
import { sql } from '#ledger';
import { openInstance, type Instance } from '../fixtures/holdfast.js';
import { summary, type Measured } from './load.js';
import { cpuMsOf } from './program.js';
import { unique, type Backends } from './shop.js';

export type EngineLoad = {
  readonly callers: number;
  readonly durationMs: number;
  /** The cart of a turn. */
  readonly skusOf: (turn: number) => readonly string[];
  /** Due a second: open loop. */
  readonly offered?: number;
};

/** Microseconds of processor time a reservation; NaN where it cannot be seen. */
export type CpuMicros = { readonly service: number; readonly redis: number; readonly postgres: number };
export type EngineMeasured = Measured & { readonly cpuMicros: CpuMicros };

const unitsPlenty = 1_000_000_000;

export class Engine {
  /** How many units of each SKU the ledger must hold. */
  private readonly units = new Map<string, number>();
  private turn = 0;

  private constructor(
    private readonly instance: Instance,
    private readonly postmaster: number | undefined,
  ) {}

  static async open({ redis, postgres }: Backends, durability: Durability = 'ledger'): Promise<Engine> {
    const instance = await openInstance({ redisUrl: redis, databaseUrl: postgres, durability });
    const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(instance.db);
    return new Engine(instance, parentOf(rows[0]!.pid));
  }

  async stock(skus: readonly string[]): Promise<void> {
    const held = await this.heldInLedger();
    const missing = skus.filter((sku) => !held.has(sku));
    await Promise.all(missing.map((sku) => this.instance.put(sku, unitsPlenty)));
    for (const sku of skus) this.units.set(sku, held.get(sku) ?? 0);
  }

  async measure(load: EngineLoad): Promise<EngineMeasured> {
    const before = await this.cpuMs();
    const startedMs = performance.now();
    const latencies =
      load.offered === undefined ? await this.closed(load) : await this.open(load, load.offered);
    const seconds = (performance.now() - startedMs) / 1_000;
    const after = await this.cpuMs();
    const micros = (name: keyof CpuMicros): number =>
      ((after[name] - before[name]) * 1_000) / latencies.length;
    return {
      ...summary(latencies),
      perSecond: latencies.length / seconds,
      statuses: { 201: latencies.length },
      cpuMicros: { service: micros('service'), redis: micros('redis'), postgres: micros('postgres') },
    };
  }

  /** @throws when the ledger does not hold what was answered, or an invariant is broken. */
  async verify(): Promise<void> {
    const inLedger = await this.heldInLedger();
    for (const [sku, held] of this.units) {
      const found = inLedger.get(sku);
      if (found !== held) throw new Error(`${sku}: answered ${held}, in the ledger ${found}`);
    }
    const broken = await this.instance.brokenInvariants();
    if (broken.length > 0) throw new Error(`without HTTP: the audit found ${JSON.stringify(broken)}`);
  }

  close(): Promise<void> {
    return this.instance.close();
  }

  private async closed({ callers, durationMs, skusOf }: EngineLoad): Promise<number[]> {
    const latencies: number[] = [];
    const endsMs = performance.now() + durationMs;
    const loop = async (): Promise<void> => {
      while (performance.now() < endsMs) {
        const sentMs = performance.now();
        await this.reserve(skusOf);
        latencies.push(performance.now() - sentMs);
      }
    };
    await Promise.all(Array.from({ length: callers }, loop));
    return latencies;
  }

  /** What is due is sent, however many wait; the wait counts from when it was due. */
  private async open({ durationMs, skusOf }: EngineLoad, perSecond: number): Promise<number[]> {
    const latencies: number[] = [];
    const under = new Set<Promise<void>>();
    const startedMs = performance.now();
    const total = Math.floor((durationMs / 1_000) * perSecond);
    for (let sent = 0; sent < total;) {
      const dueMs = startedMs + (sent / perSecond) * 1_000;
      if (performance.now() < dueMs) {
        await new Promise((resolve) => void setTimeout(resolve, 1));
        continue;
      }
      sent += 1;
      const answered = this.reserve(skusOf).then(() => {
        latencies.push(performance.now() - dueMs);
        under.delete(answered);
      });
      under.add(answered);
    }
    await Promise.all(under);
    return latencies;
  }

  private async reserve(skusOf: EngineLoad['skusOf']): Promise<void> {
    const skus = skusOf((this.turn += 1));
    const lines = skus.map((sku) => ({ sku, quantity: 1 }));
    const { kind } = await this.instance.reserve('', { buyerId: unique(), lines });
    if (kind !== 'held') throw new Error(`without HTTP: answered ${kind}`);
    for (const sku of skus) this.units.set(sku, this.units.get(sku)! + 1);
  }

  private async heldInLedger(): Promise<Map<string, number>> {
    const rows = await this.instance.db.selectFrom('skus').select(['sku', 'held']).execute();
    return new Map(rows.map(({ sku, held }) => [sku, held]));
  }

  private async cpuMs(): Promise<CpuMicros> {
    const { user, system } = process.cpuUsage();
    const info = await this.instance.redis.info('cpu');
    const seconds = [...info.matchAll(/used_cpu_(?:user|sys):([\d.]+)/g)].map(([, text]) => Number(text));
    return {
      service: (user + system) / 1_000,
      redis: seconds.reduce((sum, each) => sum + each, 0) * 1_000,
      postgres: this.postmaster === undefined ? Number.NaN : familyCpuMs(this.postmaster),
    };
  }
}

const parentOf = (pid: number): number | undefined => {
  try {
    return Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  } catch {
    return undefined;
  }
};

/** A process with its children, also those that have ended. */
function familyCpuMs(parent: number): number {
  const children = readdirSync('/proc').filter(
    (name) => /^\d+$/.test(name) && parentOf(Number(name)) === parent,
  );
  return [parent, ...children.map(Number)].reduce((sum, pid) => sum + (cpuMsOf(pid, pid === parent) ?? 0), 0);
}
