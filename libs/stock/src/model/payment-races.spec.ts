/** The short form of `npm run test:races`, and that it sees what it is there to see. */
import { describe, expect, test } from '@jest/globals';
import { intercept } from '../../../../test/fixtures/intercept.js';
import { runRaces } from '../../../../test/races/payment-races.js';
import type { StockStore } from '../stock-store.js';

const at = { partition: 0, epoch: 1 };

/** Bugs planted between the races and the store, by what each forgets. */
const planted: Record<string, (store: StockStore) => StockStore> = {
  'a release that forgets the payment': (store) =>
    intercept(store, 'release', async (where, commands) => {
      for (const { reservationId } of commands) await letGo(store, reservationId);
      return store.release(where, commands);
    }),
  'a sweeper that forgets the payment': (store) =>
    intercept(store, 'expire', async (where, limit) => {
      for (let number = 1; number <= 500; number += 1) await letGo(store, `r${number}`);
      return store.expire(where, limit);
    }),
  'a confirmation that takes a payment under way for money': (store) =>
    intercept(store, 'confirm', (where, commands) =>
      store.confirm(
        where,
        commands.map((command) => Object.assign(command, { captured: true })),
      ),
    ),
  'late money that is decided anew each time': (store) =>
    intercept(store, 'reacquire', async (where, commands) => {
      const made = await store.reacquire(where, commands);
      const decisions = made.decisions.map((decision, index) =>
        commands[index]!.whole ? decision : Object.assign(decision, { kind: 'refund-due' as const }),
      );
      return { ...made, decisions };
    }),
};

describe('races for the last unit in virtual time', () => {
  test('each ends in one way, with every unit and all money in one place', async () => {
    const { ends } = await runRaces({ races: 5_000, seed: 7 });
    const seen = Object.keys(ends).sort();
    expect(seen).toEqual(['cancelled', 'expired', 'refund-due', 'released']);
  });

  test.each(Object.keys(planted))('see %s', async (name) => {
    await expect(runRaces({ races: 500, seed: 7, wrap: planted[name]! })).rejects.toThrow();
  });
});

async function letGo(store: StockStore, reservationId: string): Promise<void> {
  for (let payment = 0; payment < 4; payment += 1) {
    await store.fail(at, [{ reservationId, paymentId: `${reservationId}-p${payment}` }]);
  }
}
