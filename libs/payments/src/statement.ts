/**
 * Statement files: what a provider or a bank wrote about the movements of an account, read as a stream. A reader gives
 * every row of the file once, as a transaction or as quarantined, and what the file itself says the rows must add up to.
 * It keeps nothing and decides nothing: whoever consumes the items stores, matches and ties out.
 *
 * The same bytes give the same items, however they are cut into chunks. The same row gives the same id, whichever file
 * brings it: a provider's own id where it has one, else account, batch or statement, content and its count among equal
 * rows. So a file that comes twice, or whole after it was cut off, adds only what was missing.
 */
import type { ProviderTransaction } from './provider-transaction.js';

export const statementFormats = [
  'stripe-payout-csv',
  'adyen-settlement-csv',
  'paypal-activity-csv',
  'camt053',
  'mt940',
] as const;
export type StatementFormat = (typeof statementFormats)[number];

/** One row of the file: an entry of a bank statement, a transaction of a batched entry, a line of a CSV. */
export type StatementTransaction = {
  readonly kind: 'transaction';
  /** Where the row begins in the file, from 1. For people; never part of an id. */
  readonly line: number;
  readonly transaction: ProviderTransaction;
  /** The payout or statement that this row is added up in; null: none, as for the row of a payout itself. */
  readonly batch: string | null;
};

/** A row that could not be read. It changes nothing, and the file goes on after it. */
export type QuarantinedRow = {
  readonly kind: 'quarantined';
  readonly line: number;
  /** For a person: which field, what is wrong with it. */
  readonly reason: string;
  /** The row as it came, cut to `quarantinedRawLengthMax`, without characters that cannot be stored. */
  readonly raw: string;
};

/**
 * What the file says of one batch in one currency, given once, after the batch's rows. It ties when
 * `opening` + the nets of its rows, each id once, = `closing`.
 */
export type StatedBalance = {
  readonly kind: 'balance';
  readonly line: number;
  /** As in the rows that belong to it; also its name towards people. */
  readonly batch: string;
  readonly currency: string;
  /** A statement's opening balance. Of a payout: what counts into it beside the rows that name it, else 0. */
  readonly opening: number;
  /** A statement's closing balance; the amount of a payout, positive when it was paid to us. */
  readonly closing: number;
};

/**
 * Where a statement or a batch stands in the chain of its account: the one before must end as this one begins, or one is
 * missing. Given once, after its rows.
 */
export type StatementLink = {
  readonly kind: 'link';
  readonly line: number;
  readonly batch: string;
  /** What the links of one chain share: the account, and the currency where each has a chain of its own. */
  readonly chain: string;
  /** Of the amounts; null: `begins` and `ends` are numbers of batches. */
  readonly currency: string | null;
  /** What it covers, in numbers that grow: days as 20261102, or batches. */
  readonly since: number;
  readonly until: number;
  /** Among those that end alike: its number; negative: it has none, and its place among them says nothing. */
  readonly sequence: number;
  readonly begins: number;
  readonly ends: number;
};

export type StatementItem = StatementTransaction | QuarantinedRow | StatedBalance | StatementLink;

export interface StatementReader {
  readonly format: StatementFormat;
  /** Whose ids these are: `stripe` names the same transaction by API and by file. `bank`: ids begin with the account. */
  readonly provider: 'stripe' | 'adyen' | 'paypal' | 'bank';
  /**
   * Reads a file in bounded memory: the stream is asked for more only when its items are taken.
   *
   * @throws StatementFormatError before the first item: nothing of this file may be kept.
   * @throws StatementCutOffError after the last whole row: what was given stays, and the file should come again.
   */
  read(bytes: AsyncIterable<Uint8Array>): AsyncIterable<StatementItem>;
}

/** The file is not of the format that it was said to be. Thrown before any item. */
export class StatementFormatError extends Error {
  readonly code = 'statement-format';
  override readonly name = 'StatementFormatError';
  readonly format: StatementFormat;

  constructor(format: StatementFormat, reason: string) {
    super(`The file is not in the format ${format}: ${reason}`);
    this.format = format;
  }
}

/** The file ends, or cannot be read on, before its end: a broken download, a quote or an element that is never closed. */
export class StatementCutOffError extends Error {
  readonly code = 'statement-cut-off';
  override readonly name = 'StatementCutOffError';
  readonly line: number;

  constructor(line: number, reason: string) {
    super(
      `The file breaks off at line ${line}: ${reason} Fetch it again and send it whole; only what is missing is added.`,
    );
    this.line = line;
  }
}

/** Characters of a quarantined row that are kept. */
export const quarantinedRawLengthMax = 4096;
