/**
 * Server-sent events with an Authorization header, which EventSource cannot send: fetch, a parser, and the rules of
 * the standard on top. After a break it comes back with the last id it saw, waits a little longer each time, and takes
 * a connection on which nothing has come for longer than the service's heartbeat as broken too.
 */
import { createParser } from 'eventsource-parser';
import { after, pause, type Stop } from '../adapters/browser.js';
import { refusalOf, send } from './call.js';
import type { Scope } from './keyring.js';
import { problemOf, type ProblemError } from './problem.js';

export type StreamState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  | { readonly kind: 'broken'; readonly problem: ProblemError | null }
  /** It will not be tried again: the key or the address is wrong. */
  | { readonly kind: 'refused'; readonly problem: ProblemError };

export type StreamOptions = {
  readonly path: string;
  readonly scopes: readonly Scope[];
  readonly onEvent: (name: string, data: unknown) => void;
  readonly onState: (state: StreamState) => void;
};

const retryMsMin = 1_000;
const retryMsMax = 10_000;
/** The service says something every 15 s. */
const silenceMsMax = 40_000;

/** Follows the stream until told to stop. */
export function follow(options: StreamOptions): Stop {
  const end = new AbortController();
  void keepFollowing(options, end.signal);
  return () => end.abort();
}

async function keepFollowing(options: StreamOptions, end: AbortSignal): Promise<void> {
  const position = { lastEventId: '', retryMs: retryMsMin };
  let failures = 0;
  options.onState({ kind: 'connecting' });
  while (!end.aborted) {
    let problem: ProblemError | null = null;
    try {
      await readOnce(options, position, end, () => (failures = 0));
    } catch (error) {
      problem = problemOf(error);
    }
    if (end.aborted) return;
    if (problem !== null && problem.document.status < 500 && problem.document.status >= 400) {
      options.onState({ kind: 'refused', problem });
      return;
    }
    options.onState({ kind: 'broken', problem });
    await pause(Math.min(position.retryMs * 2 ** failures, retryMsMax), end);
    failures += 1;
  }
}

/** One connection, to its end. */
async function readOnce(
  options: StreamOptions,
  position: { lastEventId: string; retryMs: number },
  end: AbortSignal,
  onOpen: () => void,
): Promise<void> {
  const connection = new AbortController();
  const close = () => connection.abort();
  end.addEventListener('abort', close, { once: true });
  let silence = after(silenceMsMax, close);
  try {
    const { path, scopes } = options;
    const response = await send(path, {
      scopes,
      headers: position.lastEventId === '' ? {} : { 'last-event-id': position.lastEventId },
      signal: connection.signal,
    });
    if (!response.ok || response.body === null) throw refusalOf(response, await response.text(), { scopes });
    onOpen();
    options.onState({ kind: 'live' });
    const parser = createParser({
      onEvent: ({ id, event, data }) => {
        if (id !== undefined) position.lastEventId = id;
        options.onEvent(event ?? 'message', JSON.parse(data));
      },
      onRetry: (retryMs) => (position.retryMs = retryMs),
    });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      silence();
      silence = after(silenceMsMax, close);
      parser.feed(value);
    }
  } catch (error) {
    if (!connection.signal.aborted) throw error;
  } finally {
    silence();
    end.removeEventListener('abort', close);
    connection.abort();
  }
}
