/**
 * Loaded into a service of the harness: numbers the steps of its use cases, and ends the process with SIGKILL at the one
 * it is told. A step is the moment before a part is asked to do something, or the moment after it has done it.
 */
import { writeSync } from 'node:fs';
import {
  IdempotencyRepository,
  PartitionRepository,
  PostgresLedgerWriter,
  ReservationRepository,
  StockRepository,
} from '#ledger';
import { RedisStockStore } from '#stock';

type Part = { readonly prototype: object };
type Method = (this: unknown, ...args: unknown[]) => Promise<unknown>;

/** What changes something, and what is read on the way. Looks and sweeps are nobody's use case. */
const steps: readonly (readonly [part: Part, names: readonly string[]])[] = [
  [IdempotencyRepository, ['claim', 'answer', 'abandon']],
  [ReservationRepository, ['find', 'firstMade', 'findOrder', 'endOrder']],
  [StockRepository, ['adjustment']],
  [
    RedisStockStore,
    ['reserve', 'extend', 'release', 'pay', 'confirm', 'cancel', 'adjust', 'put', 'restore', 'keep', 'admit'],
  ],
  [PostgresLedgerWriter, ['commit']],
  [PartitionRepository, ['begin']],
];

let stepsLeft = 0;

function step(name: string): void {
  if (stepsLeft === 0) return;
  stepsLeft -= 1;
  if (stepsLeft > 0) return;
  writeSync(1, `crashed at: ${name}\n`);
  process.kill(process.pid, 'SIGKILL');
}

for (const [part, names] of steps) {
  const prototype = part.prototype as Record<string, Method | undefined>;
  for (const name of names) {
    const method = prototype[name];
    if (!method) throw new Error(`there is no step ${name}`);
    prototype[name] = async function numbered(...args) {
      step(`before ${name}`);
      const result = await method.apply(this, args);
      step(`after ${name}`);
      return result;
    };
  }
}

process.on('message', (message) => {
  if (typeof message === 'object' && message !== null && 'crashAt' in message)
    stepsLeft = Number(message.crashAt);
});
