/** Whether the service can do its work, part by part. */
import type { Timers } from '../ports.js';

type Readiness = {
  readonly ok: boolean;
  readonly detail: string;
  /** It works, and not for everything: nothing that another instance would do better. */
  readonly degraded?: true;
};

/** One part that the service cannot work without. A check that throws counts as not ready. */
export interface ReadinessProbe {
  readonly name: string;
  check(): Promise<Readiness>;
}

export type ReadinessReport = {
  readonly ok: boolean;
  readonly parts: readonly ({ readonly name: string } & Readiness)[];
};

const probeTimeoutMs = 2_000;

/** Asks every part at once; one that does not answer within two seconds is not ready. */
export async function checkReadiness(
  probes: readonly ReadinessProbe[],
  timers: Timers,
): Promise<ReadinessReport> {
  const parts = await Promise.all(
    probes.map(async (probe) => ({ name: probe.name, ...(await checkWithin(probe, timers)) })),
  );
  return { ok: parts.every(({ ok }) => ok), parts };
}

function checkWithin(probe: ReadinessProbe, timers: Timers): Promise<Readiness> {
  return new Promise((resolve) => {
    const timer = timers.after(probeTimeoutMs, () => {
      resolve({ ok: false, detail: `no answer within ${probeTimeoutMs} ms` });
    });
    const settle = (readiness: Readiness) => {
      timer.cancel();
      resolve(readiness);
    };
    probe.check().then(settle, (error: unknown) => {
      settle({ ok: false, detail: error instanceof Error ? error.message : 'the check failed' });
    });
  });
}
