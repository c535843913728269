/**
 * A source that is called no faster than its provider allows, by all processes together: a counter in Redis that lives for a
 * second. It counts calls rather than jobs, because a job may make one call or a hundred.
 */
import type { ProviderTransaction, SourcePage, SourceWindow, TransactionSource } from '#payments';
import type { RedisTarget, Timers } from '#platform';
import { connectForQueues } from '#platform';

export type RateLimiter = {
  /** Resolves when the next question to this provider may be asked. */
  take(provider: string, perSecond: number): Promise<void>;
  close(): void;
};

const windowMs = 1_000;
/** The count of the window that is under way, and how long it lasts; a window begins with its first question. */
const countCall = `
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return { count, redis.call('PTTL', KEYS[1]) }`;

export function openRateLimiter(
  target: RedisTarget,
  { prefix, timers, onError }: { prefix: string; timers: Timers; onError: (error: Error) => void },
): RateLimiter {
  const connection = connectForQueues(target);
  connection.on('error', onError);
  return {
    async take(provider, perSecond) {
      for (;;) {
        const key = `${prefix}:calls:${provider}`;
        const [count, leftMs] = (await connection.eval(countCall, 1, key, windowMs)) as [number, number];
        if (count <= perSecond) return;
        await timers.sleep(Math.max(1, leftMs));
      }
    },
    close: () => connection.disconnect(),
  };
}

export class RateLimitedSource implements TransactionSource {
  readonly provider: string;
  readonly account: string;
  readonly clock: 'time' | 'commits';
  readonly listPayoutTransactions?: NonNullable<TransactionSource['listPayoutTransactions']>;

  constructor(
    private readonly source: TransactionSource,
    private readonly limiter: RateLimiter,
    private readonly perSecond: number,
  ) {
    const { provider, account, clock } = source;
    [this.provider, this.account, this.clock] = [provider, account, clock];
    if (source.listPayoutTransactions) {
      this.listPayoutTransactions = async (...question) => {
        await this.turn();
        return source.listPayoutTransactions!(...question);
      };
    }
  }

  async now(): Promise<number> {
    await this.turn();
    return this.source.now();
  }

  async listTransactions(window: SourceWindow, after: string | null, limit: number): Promise<SourcePage> {
    await this.turn();
    return this.source.listTransactions(window, after, limit);
  }

  async fetchTransaction(id: string): Promise<ProviderTransaction | null> {
    await this.turn();
    return this.source.fetchTransaction(id);
  }

  private turn(): Promise<void> {
    return this.limiter.take(this.provider, this.perSecond);
  }
}
