import { describe, expect, test } from '@jest/globals';
import type { JournalPosition, Money } from '#domain';
import type { Settlement as View } from '#ledger';
import { EpochPassedError, partitionOf } from '#stock';
import { Settlement } from './settlement.js';

const skuIn = (partition: number): string =>
  Array.from({ length: 50 }, (_, number) => `S${number}`).find((sku) => partitionOf(sku, 2) === partition)!;
const amount: Money = { value: 1_000, currency: 'EUR' };

/** A cart over two partitions, for which money has come. */
function viewOf(
  reservationStatus: View['reservationStatus'],
  captured: Money,
  over: Partial<View> = {},
): View {
  const payment = {
    id: 'p1',
    reservationId: 'r1',
    provider: 'test',
    providerPaymentId: 'theirs',
    amount,
    status: 'captured' as const,
    createdAtMs: 1,
    deadlineMs: 2,
    captured,
  };
  return {
    payment,
    settled: false,
    reservationStatus,
    reservationPaymentId: 'p1',
    buyerId: 'me',
    lines: [0, 1].map((partition) => ({ sku: skuIn(partition), quantity: 1 })),
    epochs: new Map([
      [0, 3],
      [1, 4],
    ]),
    lateForMs: 10_000,
    orderPaymentId: null,
    ...over,
  };
}

type Decisions = { readonly revive?: string; readonly reacquire?: string | Error };

/** What is done for a payment, in order, until it is looked at once more and is settled. */
async function stepsOf(view: View, { revive = 'held', reacquire = 'reacquired' }: Decisions = {}) {
  const steps: string[] = [];
  const decide = (name: string, kind: string | Error) => async (partition: number, command: object) => {
    const epoch = 'epoch' in command ? ` in ${String(command.epoch)}` : '';
    const { whole } = ('command' in command ? command.command : command) as { whole?: boolean };
    steps.push(`${name} ${partition}${epoch}${whole === false ? ', not whole' : ''}`);
    if (kind instanceof Error) throw kind;
    return { kind, partition, epoch: 1, sequence: 1 };
  };
  let looks = 0;
  const settlement = new Settlement({
    durability: 'ledger',
    partitionCount: 2,
    commits: {
      commit: async ({ requires }: { requires: readonly JournalPosition[] }) =>
        void steps.push(...requires.map(({ partition }) => `ledger has ${partition}`)),
    },
    payments: {
      settlement: async () => ({ ...view, settled: (looks += 1) > 1 }),
      owe: async (_: string, reason: string) => void steps.push(`owe ${reason}`),
    },
    desk: {
      confirm: decide('confirm', 'confirmed'),
      fail: decide('fail', 'held'),
      release: decide('release', 'released'),
      revive: decide('revive', revive),
      reacquire: decide('reacquire', reacquire),
    },
  } as unknown as ConstructorParameters<typeof Settlement>[0]);
  const againInMs = await settlement.settle('p1');
  return { steps, againInMs };
}

describe('money', () => {
  test('sells what is held: its parts are told once the ledger has it', async () => {
    const { steps } = await stepsOf(viewOf('paying', amount));
    expect(steps).toEqual(['confirm 0', 'ledger has 0', 'confirm 1', 'ledger has 1']);
  });

  test.each([
    ['amount', { value: 999, currency: 'EUR' }],
    ['currency', { value: 1_000, currency: 'JPY' }],
  ])('of another %s goes back, and keeps nothing', async (_, captured) => {
    const { steps } = await stepsOf(viewOf('paying', captured));
    expect(steps).toEqual(['fail 0', 'ledger has 0', 'owe wrong-amount']);
  });
});

describe('money that came late', () => {
  const late = viewOf('late-paid', amount);

  test('is decided once the ledger has all other parts, in the epochs of the look', async () => {
    const { steps } = await stepsOf(late);
    const parts = ['revive 1 in 4', 'ledger has 1'];
    const decision = ['reacquire 0 in 3', 'ledger has 0'];
    expect(steps).toEqual([...parts, ...decision, 'confirm 1', 'ledger has 1']);
  });

  test('goes back when a part cannot be had, and what was held for it is given back', async () => {
    const { steps } = await stepsOf(late, { revive: 'sold-out', reacquire: 'refund-due' });
    expect(steps).toEqual([
      'revive 1 in 4',
      'reacquire 0 in 3, not whole',
      'ledger has 0',
      'release 1',
      'ledger has 1',
    ]);
  });

  test('is looked at again when Redis was filled since', async () => {
    const { steps, againInMs } = await stepsOf(late, { reacquire: new EpochPassedError() });
    expect([steps.at(-1), againInMs]).toEqual(['reacquire 0 in 3', 0]);
  });

  test('waits for whoever may still tell its parts that they have ended', async () => {
    const { steps, againInMs } = await stepsOf({ ...late, lateForMs: 1_500 });
    expect([steps, againInMs]).toEqual([[], 4_500]);
  });
});
