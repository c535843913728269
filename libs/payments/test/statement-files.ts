/**
 * What specs of statement files share. A row is written as: line, kind, net in minor units, currency, batch; `!` is
 * quarantined; `=` is a tie-out, with what it should be and what the rows add up to.
 */
import { readFileSync } from 'node:fs';

import {
  statementReaders,
  type ProviderTransaction,
  type StatementFormat,
  type StatementItem,
} from '../src/index.js';

export const fixture = (name: string): Buffer =>
  readFileSync(new URL(`../../../test/fixtures/statements/${name}`, import.meta.url));

type Outcome = { items: StatementItem[]; error: unknown };

export const read = (format: StatementFormat, bytes: Uint8Array): Promise<Outcome> =>
  readChunks(format, [bytes]);

/** @returns what was given, and what was thrown after it */
export async function readChunks(format: StatementFormat, chunks: readonly Uint8Array[]): Promise<Outcome> {
  const items: StatementItem[] = [];
  try {
    for await (const item of statementReaders[format].read(streamOf(chunks))) items.push(item);
  } catch (error) {
    return { items, error };
  }
  return { items, error: null };
}

async function* streamOf(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array, void, undefined> {
  yield* chunks;
}

/** @returns the items as lines, and what was thrown after them */
export async function summary(format: StatementFormat, bytes: Uint8Array): Promise<string[]> {
  const { items, error } = await read(format, bytes);
  const sums = new Map<string, number>();
  const lines = items.flatMap((item) => {
    if (item.kind === 'link') return [];
    if (item.kind === 'quarantined') return `${item.line} ! ${item.reason}`;
    if (item.kind === 'balance') {
      const actual = item.opening + (sums.get(`${item.batch} ${item.currency}`) ?? 0);
      return `= ${item.batch} ${item.currency} ${item.closing} ${actual}`;
    }
    const { kind, net } = item.transaction;
    const key = `${item.batch} ${net.currency}`;
    sums.set(key, (sums.get(key) ?? 0) + net.value);
    return `${item.line} ${kind} ${net.value} ${net.currency} ${item.batch ?? '-'}`;
  });
  return error === null ? lines : [...lines, `thrown ${(error as Error).name}: ${(error as Error).message}`];
}

export const csv = (...lines: readonly string[]): Buffer => Buffer.from(`${lines.join('\n')}\n`);
export const transactions = (items: readonly StatementItem[]): ProviderTransaction[] =>
  items.flatMap((item) => (item.kind === 'transaction' ? [item.transaction] : []));

/** How the statements of a file follow each other. */
export async function chain(format: StatementFormat, bytes: Uint8Array): Promise<string[]> {
  const { items } = await read(format, bytes);
  return items.flatMap((item) =>
    item.kind === 'link'
      ? [`${item.chain}: ${item.since} to ${item.until} no. ${item.sequence}, ${item.begins} to ${item.ends}`]
      : [],
  );
}
