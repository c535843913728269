import { describe, expect, test } from '@jest/globals';
import { UnavailableError, type JournalPosition, type Reservation, type ReservationLine } from '#domain';
import { partitionOf } from '#stock';
import { Reserve } from './reserve.js';
import type { Operation, ReserveCommand, ReserveOutcome } from './use-cases.js';

const skuIn = (partition: number): string =>
  Array.from({ length: 50 }, (_, number) => `S${number}`).find((sku) => partitionOf(sku, 2) === partition)!;
const lines = [0, 1].map((partition) => ({ sku: skuIn(partition), quantity: 1 }));
const commandFor = (...of: typeof lines): ReserveCommand => ({
  buyerId: 'me',
  lines: of,
  ttlSeconds: 60,
  metadata: null,
});
const request = { keyDigest: Buffer.alloc(32), fingerprint: Buffer.alloc(32) };
const operation: Operation = { id: 'r1', repeated: false, request };
const reservation: Reservation = {
  id: 'r1',
  status: 'held',
  buyerId: 'me',
  lines: lines.slice(0, 1),
  metadata: null,
  createdAtMs: 1_000,
  expiresAtMs: 61_000,
  orderId: null,
  paying: null,
};
const statusOf = { held: 201, 'unknown-sku': 404 } as Record<string, number>;
const present = (outcome: ReserveOutcome) => ({
  status: statusOf[outcome.kind] ?? 409,
  body: JSON.stringify(outcome),
});

/** Reserves in a store that answers so; the ledger shows a reservation once it was told to have something. */
function open(answer: (partition: number) => object) {
  const seen = { givenBack: [] as ReservationLine[], released: [] as number[], commits: [] as unknown[] };
  const decide = async (partition: number) => {
    const at = { partition, epoch: 1, sequence: 10 + partition, nowMs: 5_000 };
    return { ...at, ...answer(partition) };
  };
  const reserve = new Reserve({
    clock: { monotonicMs: () => 0 },
    durability: 'ledger',
    partitionCount: 2,
    cache: {
      refuse: () => undefined,
      take: () => true,
      giveBack: (of: readonly ReservationLine[]) => void seen.givenBack.push(...of),
    },
    commits: {
      commit: async ({ requires }: { requires: readonly JournalPosition[] }) =>
        void seen.commits.push(...requires),
    },
    reservations: { firstMade: async () => (seen.commits.length > 0 ? reservation : undefined) },
    desk: {
      epochOf: () => 1,
      reserve: decide,
      decide,
      release: async (partition: number) => {
        seen.released.push(partition);
        return { kind: 'unknown' };
      },
    },
  } as unknown as ConstructorParameters<typeof Reserve>[0]);
  return { reserve, seen };
}

const held = { kind: 'held', createdAtMs: 1_000, expiresAtMs: 61_000, again: false };
const first = commandFor(lines[0]!);
const positions = (...partitions: number[]) =>
  partitions.map((partition) => ({ partition, epoch: 1, sequence: 10 + partition }));

describe('a reservation', () => {
  test('is answered with the dates of its hold, once the ledger has it', async () => {
    const { reserve, seen } = open(() => held);
    const { body } = await reserve.run(operation, first, present);
    expect(JSON.parse(body)).toEqual({ kind: 'held', reservation });
    expect(seen).toEqual({ givenBack: [], released: [], commits: positions(0) });
  });

  test.each([
    ['holds still', { ...held, again: true }],
    ['held, and has ended', { kind: 'ended', outcome: 'released' }],
  ])('that an earlier attempt %s is looked for in the ledger once that has it', async (_, decision) => {
    const { reserve, seen } = open(() => decision);
    const { body } = await reserve.run(operation, first, present);
    expect(JSON.parse(body)).toEqual({ kind: 'held', reservation });
    expect(seen.commits).toContainEqual(positions(0)[0]);
  });

  test('of which Redis says nothing leaves the units that were taken for it', async () => {
    const { reserve, seen } = open(() => {
      throw new UnavailableError('stock-not-ready', 'not now', true);
    });
    await expect(reserve.run(operation, first, present)).rejects.toThrow('not now');
    expect(seen.givenBack).toEqual([lines[0]]);
  });

  test('whose refusal is not kept bars nothing: its key may come again, and be granted', async () => {
    const { reserve, seen } = open((partition) =>
      partition === 1 ? held : { kind: 'unknown-sku', sku: lines[0]!.sku },
    );
    expect((await reserve.run(operation, commandFor(...lines), present)).status).toBe(404);
    expect(seen.released).toEqual([]);
  });
});
