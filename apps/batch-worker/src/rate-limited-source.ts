/**
 * A source that is called no faster than its provider allows, by all processes together: a counter in Redis that lives for a
 * second. It counts calls rather than jobs, because a job may make one call or a hundred. When the provider asks to be left alone
 * for a while, all of them leave it alone, and the question is asked again: a job that has read a thousand pages is not failed by one.
 */
import { UnavailableError } from '#domain';
import type { ProviderTransaction, SourcePage, SourceWindow, TransactionSource } from '#payments';
import type { RedisTarget, Timers } from '#platform';
import { connectForQueues } from '#platform';

export type RateLimiter = {
  /** Resolves when the next question to this provider may be asked. */
  take(provider: string, perSecond: number): Promise<void>;
  /** No question is asked for so long. */
  rest(provider: string, ms: number): Promise<void>;
  close(): void;
};

const windowMs = 1_000;
/** Longer than that nobody is left alone without a look. */
const restMaxMs = 60_000;
/** A provider that has asked so often for one question fails it. */
const asksMax = 10;
/** For how long to wait, 0: not at all. A window begins with its first question; a provider that rests is not asked. */
const countCall = `
local restMs = redis.call('PTTL', KEYS[2])
if restMs > 0 then return restMs end
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
if count <= tonumber(ARGV[2]) then return 0 end
return math.max(1, redis.call('PTTL', KEYS[1]))`;
/** The longest rest counts. */
const beginRest = `
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], 1, 'PX', ARGV[1]) end`;

export function openRateLimiter(
  target: RedisTarget,
  { prefix, timers, onError }: { prefix: string; timers: Timers; onError: (error: Error) => void },
): RateLimiter {
  const connection = connectForQueues(target);
  connection.on('error', onError);
  const restKeyOf = (provider: string): string => `${prefix}:rest:${provider}`;
  return {
    async take(provider, perSecond) {
      const keys = [`${prefix}:calls:${provider}`, restKeyOf(provider)];
      for (;;) {
        const waitMs = (await connection.eval(countCall, 2, ...keys, windowMs, perSecond)) as number;
        if (waitMs === 0) return;
        await timers.sleep(waitMs);
      }
    },
    async rest(provider, ms) {
      const restMs = Math.min(Math.max(1, Math.ceil(ms)), restMaxMs);
      await connection.eval(beginRest, 1, restKeyOf(provider), restMs);
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
      this.listPayoutTransactions = (...question) =>
        this.ask(() => source.listPayoutTransactions!(...question));
    }
  }

  now(): Promise<number> {
    return this.ask(() => this.source.now());
  }

  listTransactions(window: SourceWindow, after: string | null, limit: number): Promise<SourcePage> {
    return this.ask(() => this.source.listTransactions(window, after, limit));
  }

  fetchTransaction(id: string): Promise<ProviderTransaction | null> {
    return this.ask(() => this.source.fetchTransaction(id));
  }

  private async ask<Answer>(question: () => Promise<Answer>): Promise<Answer> {
    for (let asks = 1; ; asks += 1) {
      await this.limiter.take(this.provider, this.perSecond);
      try {
        return await question();
      } catch (error) {
        const restMs = error instanceof UnavailableError ? error.restMs : undefined;
        if (restMs === undefined || asks === asksMax) throw error;
        await this.limiter.rest(this.provider, restMs);
      }
    }
  }
}
