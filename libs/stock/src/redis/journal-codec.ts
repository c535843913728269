/**
 * The text of the partition's records, as the Redis functions write and read it (see functions/_records.lua): both
 * sides are held together by the contract suite.
 */
import {
  assert,
  InvariantError,
  type JournalDecision,
  type JournalEntry,
  type JournalLine,
  type StockLevel,
  type PartitionRecord,
} from '#domain';
import type { HoldCommand, PartitionEpoch, SeenLevel, StockNews } from '../stock-store.js';

const none = '-';

function integer(text: string | undefined): number {
  const number = Number(text);
  assert(Number.isSafeInteger(number), 'the stock store wrote a number that is none', { text });
  return number;
}

function lines(text: string): JournalLine[] {
  return text.split(',').map((line) => {
    const [sku = '', quantity, version, buyerLimit = none] = line.split(' ');
    return { sku, quantity: integer(quantity), version: integer(version), buyerLimit: limit(buyerLimit) };
  });
}

const limit = (text: string | undefined): number | null => (text === none ? null : integer(text));

type Fields = {
  /** A field that has to be there. */
  readonly text: (name: string) => string;
  /** One that may be empty, or that entries of earlier versions lack. */
  readonly optional: (name: string) => string | null;
};

/** A decision as the functions reply it. */
export type RawDecision = readonly [kind: string, ...facts: (string | number)[]];

/** A command of `reserve` as the function reads it. */
export function encodeHoldCommand(command: HoldCommand): (string | number)[] {
  const { reservationId, ttlSeconds = 0, partitions, revive, metadata, buyerId } = command;
  const facts = [reservationId, ttlSeconds, partitions.join(','), revive ? 1 : 0, metadata ?? '', buyerId];
  for (const { sku, quantity } of command.lines) facts.push(sku, quantity);
  return facts;
}

type Held = Pick<HoldCommand, 'reservationId' | 'buyerId' | 'metadata' | 'lines' | 'partitions' | 'revive'>;

function decodeHoldCommand(facts: readonly (string | number)[]): Held {
  const [reservationId, , partitions, revive, metadata, buyerId, ...lines] = facts;
  return {
    reservationId: String(reservationId),
    buyerId: String(buyerId),
    metadata: String(metadata),
    partitions: String(partitions).split(',').map(Number),
    revive: revive === 1,
    lines: groups(lines, 2).map(([sku, quantity]) => ({
      sku: String(sku),
      quantity: integer(String(quantity)),
    })),
  };
}

/** Whether a decision of `reserve` has made a hold, rather than found one. */
export const holdsNow = ([kind, , , , again]: RawDecision): boolean => kind === 'held' && again === '';

/**
 * The entries of one call of `reserve`, from the first sequence on: those that are not written out are, one after the
 * other, what the commands hold by their decisions.
 */
export function decodeReserved(
  at: PartitionEpoch,
  call: { readonly first: number; readonly atMs: number },
  entries: readonly (readonly string[] | 0)[],
  held: Iterable<readonly [command: Held, decision: RawDecision]>,
): JournalEntry[] {
  const holds = held[Symbol.iterator]();
  return entries.map((fields, index) => {
    const sequence = call.first + index;
    if (fields !== 0) return decodeEntry(at, sequence, fields);
    const [command, decision] = holds.next().value!;
    return { ...at, sequence, atMs: call.atMs, ...heldBy(command, decision) };
  });
}

function heldBy(command: Held, decision: RawDecision): JournalDecision {
  const fact = (index: number): string => String(decision[index]);
  return {
    kind: 'held',
    reservationId: command.reservationId,
    buyerId: command.buyerId,
    expiresAtMs: integer(fact(3)),
    lines: command.lines.map(({ sku, quantity }, index) => ({
      sku,
      quantity,
      version: integer(fact(5 + 2 * index)),
      buyerLimit: limit(fact(6 + 2 * index)),
    })),
    metadata: command.metadata || null,
    partitions: command.partitions,
    revived: command.revive === true,
  };
}

/** The entries of a record in the stream; `last` is the sequence that it has there. */
export function decodeRecord(at: PartitionEpoch, last: number, fields: readonly string[]): JournalEntry[] {
  const record = recordOf(fields);
  if (record['kind'] !== 'reserved') return [decodeEntry(at, last, fields)];
  const list = <Item>(name: string): Item[] => JSON.parse(record[name]!) as Item[];
  const entries = list<string[] | 0>('entries');
  const decisions = list<RawDecision>('decisions');
  const commands = list<(string | number)[]>('commands').map(decodeHoldCommand);
  const call = { first: last - entries.length + 1, atMs: integer(record['at']) };
  return decodeReserved(
    at,
    call,
    entries,
    commands.map((command, index) => [command, decisions[index]!]),
  );
}

function recordOf(fields: readonly string[]): Record<string, string> {
  const record: Record<string, string> = {};
  for (let index = 0; index + 1 < fields.length; index += 2) record[fields[index]!] = fields[index + 1]!;
  return record;
}

/** A journal entry from its names and values. */
export function decodeEntry(at: PartitionEpoch, sequence: number, fields: readonly string[]): JournalEntry {
  const record = recordOf(fields);
  const text = (name: string): string => {
    const value = record[name];
    if (value === undefined) throw new InvariantError('a journal entry lacks a field', { name, record });
    return value;
  };
  const position = { partition: at.partition, epoch: at.epoch, sequence, atMs: integer(text('at')) };
  const decision = decodeDecision(at, { text, optional: (name) => record[name] || null });
  return { ...position, ...decision };
}

function decodeDecision(at: PartitionEpoch, fields: Fields): JournalDecision {
  const { text, optional } = fields;
  const kind = text('kind') as JournalDecision['kind'];
  switch (kind) {
    case 'held':
      return {
        kind,
        reservationId: text('reservation'),
        buyerId: text('buyer'),
        expiresAtMs: integer(text('expires')),
        lines: lines(text('lines')),
        metadata: optional('metadata'),
        partitions: text('partitions').split(',').map(Number),
        revived: optional('revived') === '1',
      };
    case 'extended': {
      const expiresAtMs = integer(text('expires'));
      return {
        kind,
        reservationId: text('reservation'),
        expiresAtMs,
        decides: decides(at, text('partitions')),
      };
    }
    case 'paying':
      return {
        kind,
        reservationId: text('reservation'),
        paymentId: text('payment'),
        provider: text('provider'),
        amount: { value: integer(text('amount')), currency: text('currency') },
        deadlineMs: integer(text('deadline')),
      };
    case 'payment-failed':
    case 'refund-due':
      return { kind, reservationId: text('reservation'), paymentId: text('payment') };
    case 'released':
    case 'expired':
    case 'confirmed':
    case 'reacquired':
    case 'cancelled':
      return {
        kind,
        reservationId: text('reservation'),
        buyerId: text('buyer'),
        lines: lines(text('lines')),
        decides: kind === 'reacquired' || decides(at, text('partitions')),
        paymentId: optional('payment'),
      };
    case 'sku-created':
    case 'policy-changed':
    case 'adjusted':
      return decodeSkuDecision(kind, fields);
  }
}

function decodeSkuDecision(
  kind: 'sku-created' | 'policy-changed' | 'adjusted',
  { text }: Fields,
): JournalDecision {
  const level = { sku: text('sku'), version: integer(text('version')) };
  if (kind === 'adjusted') {
    const delta = integer(text('delta'));
    return { kind, ...level, delta, operationId: text('operation'), reason: text('reason') };
  }
  const policy = { ...level, buyerLimit: limit(text('limit')), holdTtlSeconds: integer(text('ttl')) };
  return kind === 'sku-created' ? { kind, ...policy, onHand: integer(text('onhand')) } : { kind, ...policy };
}

/** Whether this partition is the one that decides for the whole cart: the first of those that hold its lines. */
function decides(at: PartitionEpoch, partitions: string): boolean {
  return partitions !== '' && Number.parseInt(partitions, 10) === at.partition;
}

export function decodeLevel(sku: string, text: string): StockLevel {
  const [onHand, held, committed, buyerLimit, holdTtlSeconds, version] = text.split(' ');
  return {
    sku,
    onHand: integer(onHand),
    held: integer(held),
    committed: integer(committed),
    buyerLimit: limit(buyerLimit),
    holdTtlSeconds: integer(holdTtlSeconds),
    version: integer(version),
  };
}

/** Levels in a reply or in the news: sku, available, version and buyer limit, one after the other. */
export function decodeSeen(facts: readonly (string | number)[]): SeenLevel[] {
  return groups(facts, 4).map(([sku, available, version, buyerLimit]) => ({
    sku: String(sku),
    available: Number(available),
    version: Number(version),
    buyerLimit: limit(String(buyerLimit)),
  }));
}

/** The reservation in what is stored of a buyer; null: none, or nothing is. */
export function decodeHolding(text: string | null): string | null {
  const [reservationId = none] = text?.split(' ', 1) ?? [];
  return reservationId === none ? null : reservationId;
}

/** The news that the functions publish. An empty list is `{}` to their encoder. */
export function decodeNews(message: string): StockNews {
  // Lua writes an empty list as an empty object.
  type List = string[] | Record<string, never>;
  const [epoch, sequence, ...lists] = JSON.parse(message) as [string, string, ...List[]];
  const [levels = [], buyers = [], ends = []] = lists.map((list) => (Array.isArray(list) ? list : []));
  return {
    epoch: integer(epoch),
    sequence: integer(sequence),
    levels: decodeSeen(levels),
    buyers: groups(buyers, 3).map(([name = '', reservationId = none, units], index) => ({
      sku: name.slice(0, name.indexOf(' ')),
      buyerId: name.slice(name.indexOf(' ') + 1),
      // Functions of an earlier version do not say when it ends: then it has, as far as refusing goes.
      hold: reservationId === none ? null : { reservationId, expiresAtMs: integer(ends[index] ?? '0') },
      units: integer(units),
    })),
  };
}

function groups<Item>(list: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.floor(list.length / size) }, (_, index) =>
    list.slice(index * size, (index + 1) * size),
  );
}

/** Pairs of a member and its text or score, by where `restore load` writes them. */
type RestoredPlace = 'levels' | 'holds' | 'buyers' | 'deadlines' | 'parts' | 'undecided';
type RestoredPairs = Record<RestoredPlace, (string | number)[]>;

/** Records of a rebuild as the arguments of `restore load`. */
export function encodeRestored(at: PartitionEpoch, records: readonly PartitionRecord[]): (string | number)[] {
  const pairs: RestoredPairs = { levels: [], holds: [], buyers: [], deadlines: [], parts: [], undecided: [] };
  for (const record of records) addRestored(pairs, at, record);
  const facts: (string | number)[] = [];
  for (const [place, list] of Object.entries(pairs))
    if (list.length > 0) facts.push(place, list.length, ...list);
  return facts;
}

function addRestored(pairs: RestoredPairs, at: PartitionEpoch, record: PartitionRecord): void {
  switch (record.kind) {
    case 'level': {
      const { sku, onHand, held, committed, buyerLimit, holdTtlSeconds, version } = record.level;
      pairs.levels.push(
        sku,
        `${onHand} ${held} ${committed} ${buyerLimit ?? none} ${holdTtlSeconds} ${version}`,
      );
      break;
    }
    case 'hold': {
      const { reservationId, createdAtMs, expiresAtMs, partitions, paying, buyerId } = record;
      const cart = record.lines.map((line) => `${line.sku}=${line.quantity}`).join(',');
      const prefix = paying ? `paying ${paying.paymentId} ${paying.deadlineMs} ` : '';
      pairs.holds.push(
        reservationId,
        `${prefix}0 ${createdAtMs} ${expiresAtMs} ${partitions.join(',')} ${cart} ${buyerId}`,
      );
      if (!record.decided) pairs.undecided.push(reservationId);
      else
        pairs[partitions[0] === at.partition ? 'deadlines' : 'parts'].push(
          paying?.deadlineMs ?? expiresAtMs,
          reservationId,
        );
      break;
    }
    case 'buyer':
      pairs.buyers.push(
        `${record.sku} ${record.buyerId}`,
        `${record.reservationId ?? none} ${record.held} ${record.committed}`,
      );
  }
}
