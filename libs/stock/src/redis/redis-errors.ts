/** What a failed call to Redis means: not now, certainly or perhaps undone, or a bug. */
import { InvariantError, UnavailableError } from '#domain';
import { NoRoomError } from '../stock-store.js';

/** Whether it is an answer of Redis that begins so. */
export function isReply(error: unknown, prefix: string): boolean {
  return error instanceof Error && error.message.startsWith(prefix);
}

/** Answers of Redis that come before a function runs: certainly nothing happened. */
const refusedBeforeRunning = [
  'READONLY',
  'LOADING',
  'MASTERDOWN',
  'CLUSTERDOWN',
  'BUSY',
  'MISCONF',
  'NOREPLICAS',
  'MOVED',
  'ASK',
  'TRYAGAIN',
];

export function translateRedisError(cause: unknown): unknown {
  if (!(cause instanceof Error) || cause instanceof UnavailableError) return cause;
  const { message } = cause;
  if (message.startsWith('OOM')) return new NoRoomError({ cause });
  if (message.startsWith('HFNOTREADY')) {
    return new UnavailableError('stock-not-ready', message.slice('HFNOTREADY '.length), false, { cause });
  }
  if (message.startsWith('HFCLOCK'))
    return new UnavailableError('stock-not-ready', 'the clock of Redis is being looked at', false, { cause });
  if (message.startsWith('HF')) return new InvariantError(message);
  const refused = refusedBeforeRunning.some((code) => message.startsWith(code));
  if (cause.name === 'ReplyError' && !refused) return new InvariantError(`Redis refused a call: ${message}`);
  // How ioredis says that there is no connection.
  if (message.startsWith("Stream isn't writeable"))
    return new UnavailableError('stock-not-ready', 'Redis cannot be reached', false, { cause });
  return new UnavailableError('stock-not-ready', `Redis did not answer: ${message}`, !refused, { cause });
}
