/**
 * A payment provider to develop and test against: it takes no money and behaves like one that does, including slow answers, lost
 * ones and repeated webhooks. It runs alone by main.ts, or inside another process.
 */
import type { AddressInfo } from 'node:net';
import type { SandboxAccount, SandboxCharge, SandboxTransaction } from '#payments';
import { systemClock, systemRandom, systemTimers } from '#platform';
import { Book } from './book.js';
import { Cashier } from './cashier.js';
import { Faults, type FaultPlan } from './faults.js';
import { Listings } from './listings.js';
import { createServer } from './server.js';
import { Webhooks } from './webhooks.js';

export type SandboxOptions = {
  /** 0: any free port. */
  readonly port: number;
  readonly host: string;
  readonly apiKey: string;
  readonly webhookSecret: string;
  /** Where its book is kept; null: in memory only. */
  readonly file: string | null;
};

export type Sandbox = {
  /** What a merchant needs to use it. */
  readonly account: SandboxAccount;
  /** Goes on with what was under way, and sends webhooks there from now on. Its file is not written before. */
  deliverTo(url: string): void;
  plan(faults: FaultPlan): void;
  /** The charge that was made for a payment of the merchant's. */
  chargeFor(reference: string): SandboxCharge | undefined;
  /** Every movement of money, also those that no listing shows yet. */
  transactions(): readonly SandboxTransaction[];
  close(): Promise<void>;
};

/** Listens when it resolves. */
export async function openSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { apiKey, webhookSecret } = options;
  const book = new Book(options.file);
  const faults = new Faults(systemRandom);
  const ports = { clock: systemClock, timers: systemTimers, random: systemRandom };
  const webhooks = new Webhooks({ book, faults, secret: webhookSecret, ...ports });
  const cashier = new Cashier({ book, faults, webhooks, ...ports });
  const listings = new Listings({ book, faults, ...ports });
  const server = createServer({ apiKey, book, cashier, faults, listings });
  await server.listen({ port: options.port, host: options.host });
  const { port } = server.server.address() as AddressInfo;
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  return {
    account: { url: `http://${host}:${port}`, apiKey, webhookSecret },
    deliverTo(url) {
      webhooks.deliverTo(url);
      cashier.resume();
    },
    plan(wanted) {
      faults.plan = wanted;
    },
    chargeFor: (reference) => book.chargeFor(reference),
    transactions: () => book.seenAt(Infinity),
    async close() {
      cashier.close();
      await webhooks.close();
      server.server.closeAllConnections();
      await server.close();
    },
  };
}
