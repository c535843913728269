/** Where a page stands among those of its account that end on one day: its sequence. */
import { hash } from 'node:crypto';

/** By the number that the bank has given the statement, then by the page. */
export const numberedPage = (statement: number, page: number): number =>
  (statement % 1_000_000) * 1_000 + (page % 1_000);

/** Without a number: a place of its own that says nothing of the order, and negative, so that nobody believes it. */
export const unordered = (...known: readonly string[]): number =>
  -1 - hash('sha256', JSON.stringify(known), 'buffer').readUInt32LE(0);
