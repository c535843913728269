/**
 * Every numbered step of every use case: the service is killed there, started again, and asked again under the same key.
 * What was acknowledged before must be there, and what was not must come to one answer.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Acknowledged, Intent } from './intent.js';
import type { World } from './world.js';

export type StepFigures = {
  /** The steps at which the process died, by use case, in order. */
  readonly steps: { readonly [useCase: string]: readonly string[] };
  readonly kills: number;
};

/** No use case has as many; one that never ends has. */
const stepsMax = 60;

export type UseCase = keyof typeof useCases;
type Prepared = {
  /** The request to be killed in. */
  readonly intent: Intent;
  /** What is done to the world once the process waits for its step. */
  readonly begin?: () => Promise<unknown>;
};

const useCases = {
  reserve: async (world) => ({ intent: reserveIntent(world, [world.skus[0]!]) }),
  'reserve a cart': async (world) => ({ intent: reserveIntent(world, world.skus) }),
  extend: async (world) => ({
    intent: { kind: 'extend', key: world.crowd.newKey(), of: await held(world), ttlSeconds: 900 },
  }),
  release: async (world) => ({
    intent: { kind: 'release', key: world.crowd.newKey(), of: await held(world) },
  }),
  confirm: async (world) => ({
    intent: { kind: 'confirm', key: world.crowd.newKey(), of: await held(world) },
  }),
  pay: async (world) => ({
    intent: { kind: 'pay', key: world.crowd.newKey(), of: await held(world), cents: 100 },
  }),
  cancel: async (world) => ({ intent: { kind: 'cancel', key: world.crowd.newKey(), of: await sold(world) } }),
  adjust: async (world) => ({
    intent: { kind: 'adjust', key: world.crowd.newKey(), sku: world.skus[0]!, delta: 1 },
  }),
  rebuild: async (world) => ({
    intent: reserveIntent(world, world.skus),
    begin: () => world.redis.ask((redis) => redis.flushall()),
  }),
} satisfies { readonly [name: string]: (world: World) => Promise<Prepared> };

export const useCaseNames = Object.keys(useCases) as UseCase[];

/** Kills one instance of the world at each step of the use cases; its hooks must be loaded (`crashHooks`). */
export async function killAtEveryStep(world: World, names: readonly UseCase[]): Promise<StepFigures> {
  const steps: { [useCase: string]: string[] } = {};
  for (const name of names) steps[name] = await killInUseCase(world, useCases[name]);
  return { steps, kills: Object.values(steps).reduce((sum, those) => sum + those.length, 0) };
}

async function killInUseCase(world: World, prepare: (world: World) => Promise<Prepared>): Promise<string[]> {
  const [member] = world.fleet.members;
  const diedAt: string[] = [];
  for (let number = 1; number <= stepsMax; number += 1) {
    const died = await killAt(world, number, prepare);
    if (died === null) return diedAt;
    diedAt.push(died);
    await member!.start();
    await world.recovered();
  }
  throw new Error(`more than ${stepsMax} steps: ${diedAt.join(', ')}`);
}

/** Answers with the step at which it died; null: the use case has fewer steps. */
async function killAt(
  world: World,
  number: number,
  prepare: (world: World) => Promise<Prepared>,
): Promise<string | null> {
  const [member] = world.fleet.members;
  const { intent, begin } = await prepare(world);
  member!.tell({ crashAt: number });
  await begin?.();
  await untilAnsweredOrDead(world, intent);
  if (member!.isRunning()) {
    member!.tell({ crashAt: 0 });
    return null;
  }
  return [...member!.log().matchAll(/crashed at: (.*)/g)].at(-1)?.[1] ?? 'unknown';
}

async function untilAnsweredOrDead(
  { fleet, crowd, witness, patienceMs }: World,
  intent: Intent,
): Promise<void> {
  const [member] = fleet.members;
  const giveUpAtMs = performance.now() + patienceMs;
  while (member!.isRunning() && performance.now() < giveUpAtMs) {
    await crowd.carryOut(intent, 1, member!.port);
    if (!witness.unanswered.has(intent.key)) return;
    await sleep(20);
  }
}

function reserveIntent({ crowd }: World, skus: readonly string[]): Intent {
  const key = crowd.newKey();
  const lines = skus.map((sku) => ({ sku, quantity: 1 }));
  return { kind: 'reserve', key, buyerId: `buyer-${key}`, lines };
}

async function held(world: World): Promise<Acknowledged> {
  const acknowledged = await world.crowd.carryOut(reserveIntent(world, world.skus), 5);
  if (!acknowledged) throw new Error('nothing could be reserved');
  return acknowledged;
}

async function sold(world: World): Promise<Acknowledged> {
  const of = await held(world);
  await world.crowd.carryOut({ kind: 'confirm', key: world.crowd.newKey(), of }, 5);
  return of;
}
