/**
 * Three ways to read the same upstream, each paying out an order for what it has read. The first is the incident's, the second the
 * obvious fix, the third is ours. Each is asked to pull again and again.
 */
import type { Database } from '#ledger';
import type { SandboxProvider, TransactionSource } from '#payments';
import { systemIds } from '#platform';
import {
  matchPolicyDefault,
  reconcileProvider,
  RunRepository,
  walkRun,
  type PaymentCommands,
  type WalkPolicy,
} from '#reconciliation';
import { z } from 'zod';

export type Puller = { pull(): Promise<void> };
/** Money leaves: for this payment, by whoever says so. */
export type PayOut = (paymentId: string) => void;

export type Upstream = {
  readonly url: string;
  readonly apiKey: string;
};

const pageOfMovements = z.object({
  data: z.array(z.object({ id: z.string(), kind: z.string(), reference: z.string() })),
});

/**
 * `page=1&size=N` until a page is short, as in the document: states change in the order in which rows arrive, and duplicates are
 * removed when all pages are there, which is after the money has left.
 */
export function pullByOffset({ url, apiKey }: Upstream, size: number, payOut: PayOut): Puller {
  const marked = new Set<string>();
  return {
    async pull() {
      const batch: string[] = [];
      for (let page = 1; ; page += 1) {
        const reply = await fetch(`${url}/transactions/pages?page=${page}&size=${size}`, {
          headers: { authorization: `Bearer ${apiKey}` },
        });
        const { data } = pageOfMovements.parse(await reply.json());
        for (const { reference } of data) {
          if (marked.has(reference)) continue;
          payOut(reference);
          batch.push(reference);
        }
        if (data.length < size) break;
      }
      for (const reference of batch) marked.add(reference);
    },
  };
}

/** On from the last (timestamp, id): nothing comes twice, and what becomes visible below the cursor never comes. */
export function pullByKeyset(source: TransactionSource, size: number, payOut: PayOut): Puller {
  let last = { at: 0, id: '' };
  return {
    async pull() {
      const window = { from: last.at, until: await source.now() };
      let position: string | null = null;
      do {
        const page = await source.listTransactions(window, position, size);
        for (const { id, occurredAtMs, merchantReference } of page.transactions) {
          if (occurredAtMs < last.at || (occurredAtMs === last.at && id <= last.id)) continue;
          payOut(merchantReference!);
          last = { at: occurredAtMs, id };
        }
        position = page.next;
      } while (position !== null);
    },
  };
}

/** The walk, the judge, and the payments' own command behind an effect that has a key. */
export function pullByWalk(
  db: Database,
  source: SandboxProvider,
  { walkPolicy, commands, payOut }: { walkPolicy: WalkPolicy; commands: PaymentCommands; payOut: PayOut },
): Puller {
  const runs = new RunRepository(db);
  const paying: PaymentCommands = {
    ...commands,
    async captured(command) {
      const outcome = await commands.captured(command);
      if (outcome.kind === 'done') payOut(command.paymentId);
      return outcome;
    },
  };
  const { provider, account } = source;
  return {
    async pull() {
      const id = systemIds.uuid();
      await runs.add(walkRun({ id, account: { provider, account }, requestedBy: 'replay' }));
      const parts = { db, source, walkPolicy, policy: matchPolicyDefault, newId: () => systemIds.uuid() };
      await reconcileProvider({ ...parts, commands: paying }, (await runs.find(id))!);
    },
  };
}
