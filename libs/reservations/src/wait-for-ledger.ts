/**
 * Servers that start together are not ready together: the ledger's gets some time, with a message now and then. What waiting
 * cannot fix, such as a wrong password, is reported at once.
 */
import { settingsOfServer, type Database } from '#ledger';
import { ConfigurationError, ServerAwayError, type Clock, type Timers } from '#platform';

export type WaitOptions = {
  /** 0: asked once. */
  readonly waitMs: number;
  /** Where it is, without secrets. */
  readonly host: string;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly timers: Pick<Timers, 'sleep'>;
  readonly report: (message: string) => void;
};

type Failure = { readonly message: string; readonly code?: string };

/** For what runs on: servers that are started together come up in any order, and PostgreSQL may recover from its log. */
export const ledgerWaitMs = 60_000;
const askAgainMs = 250;
const reportEveryMs = 3_000;

/** The SQLSTATE of what cannot be written. */
const readOnly = '25006';

/** Of the network and of Node: there is nobody, or not yet. */
const awayCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  // PostgreSQL: it starts or stops, has no connection left, or is not the primary (yet).
  '57P01',
  '57P02',
  '57P03',
  '53300',
  readOnly,
]);

/** @throws ServerAwayError when it does not answer in time, ConfigurationError when it does not want us */
export async function waitForLedger(db: Database, options: WaitOptions): Promise<void> {
  const { waitMs, host, clock, timers, report } = options;
  const startedMs = clock.monotonicMs();
  let reportedMs = startedMs - reportEveryMs;
  for (;;) {
    try {
      const { isReadOnly } = await settingsOfServer(db);
      if (!isReadOnly) return;
      throw Object.assign(new Error('it is read-only, like a standby'), { code: readOnly });
    } catch (error) {
      const failed = error as Failure;
      if (isUnwanted(failed)) throw new ConfigurationError(`DATABASE_URL: ${failed.message}`);
      if (!isAway(failed)) throw error;
      const nowMs = clock.monotonicMs();
      if (nowMs - startedMs >= waitMs) throw new ServerAwayError(inWords(options, failed));
      if (nowMs - reportedMs >= reportEveryMs) {
        reportedMs = nowMs;
        report(`waiting for PostgreSQL at ${host} (${reasonOf(failed)}), for ${waitMs / 1_000} s at most`);
      }
      await timers.sleep(askAgainMs);
    }
  }
}

function inWords({ host, waitMs }: WaitOptions, failed: Failure): string {
  const waited = waitMs === 0 ? '' : ` within ${waitMs / 1_000} s`;
  return `PostgreSQL at ${host} ${failed.code === readOnly ? 'was not the primary' : 'did not answer'}${waited}: ${reasonOf(failed)}. Start it, or correct DATABASE_URL.`;
}

/** Several addresses may have been tried: then the message is empty, and the code says it. */
function reasonOf({ message, code }: Failure): string {
  return message || (code ?? 'no reason given');
}

function isAway({ message, code }: Failure): boolean {
  return awayCodes.has(code ?? '') || /timeout|terminated/i.test(message);
}

/** The password is another, the role or the database is not there. */
function isUnwanted({ code = '' }: Failure): boolean {
  return /^(28...|3D000)$/.test(code);
}
