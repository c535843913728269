/** The invariants, checked on what is really there: the ledger by itself, and Redis against the ledger. */
import { UnavailableError } from '#domain';
import type { AuditRepository, Violation } from '#ledger';
import type { Timers } from '#platform';
import type { PartitionEpoch, StockStore } from '#stock';
import type { Public } from './ports.js';
import { Drift, patience } from './upkeep/drift.js';
import type { AuditUseCases, InvariantReport } from './use-cases.js';

export type AuditParts = {
  readonly store: Pick<StockStore, 'levels' | 'readJournal'>;
  readonly ledger: Public<AuditRepository>;
  readonly timers: Timers;
  readonly openPartitions: () => readonly PartitionEpoch[];
  readonly closed: () => readonly { readonly partition: number; readonly reason: string }[];
};

export class Audit implements AuditUseCases {
  private readonly differences: Drift;

  constructor(private readonly parts: AuditParts) {
    this.differences = new Drift(parts);
  }

  async check(): Promise<readonly InvariantReport[]> {
    const { ledger } = this.parts;
    const drift = await this.drift();
    return [
      report('I1', 'on hand = available + held + committed, in Redis and in the ledger', [
        ...(await ledger.levelsAgainstLines()),
        ...(await ledger.levelsAgainstEntries()),
        ...drift,
      ]),
      report(
        'I2',
        'every acknowledged reservation is in the ledger',
        await ledger.acknowledgedWithoutEntry(),
      ),
      report(
        'I3',
        'units are held at most once, and not after the reservation has ended',
        await ledger.endedThatHold(),
      ),
      report('I4', 'no buyer has more than the limit', await ledger.buyersBeyondLimit()),
      report('I5', 'a cart is held whole or not at all', await ledger.partlyHeld()),
      report('I6', 'captured money belongs to an order or a refund', await ledger.moneyWithoutOrder()),
      report('I7', 'an order has at most one captured payment', await ledger.ordersPaidTwice()),
      report('I8', 'no hold expired before its time', await ledger.expiredEarly()),
      report(
        'I9',
        'one key, one answer: no reservation was acknowledged under two keys',
        await ledger.acknowledgedTwice(),
      ),
      report('I10', 'every journal entry is in the ledger once', await ledger.journalGaps()),
      report(
        'I11',
        'provider transactions: matched + open + ignored = all, none lost, none applied twice',
        await ledger.transactionsUnaccounted(),
      ),
    ];
  }

  /** A rebuild under way is no drift, whether it began before or meanwhile; one that does not end is. */
  private async drift(): Promise<Violation[]> {
    const { closed, timers } = this.parts;
    for (let looksLeft = patience.looks; looksLeft > 0; looksLeft -= 1) {
      try {
        if (closed().length === 0) return await this.compare();
      } catch (error) {
        if (!(error instanceof UnavailableError)) throw error;
      }
      await timers.sleep(patience.pauseMs);
    }
    return this.compare();
  }

  private async compare(): Promise<Violation[]> {
    const { closed } = this.parts;
    const found: Violation[] = closed().map(({ partition, reason }) => ({ partition, closed: reason }));
    for (const at of this.parts.openPartitions()) found.push(...(await this.differences.of(at)));
    return found;
  }
}

function report(id: string, what: string, violations: readonly Violation[]): InvariantReport {
  const ok = violations.length === 0;
  return { id, ok, detail: ok ? what : `${what}: broken by ${JSON.stringify(violations)}` };
}
