/** The news of the stock functions, as every stock cache hears it: over a connection that is kept alive. */
import type { Cluster, Redis } from 'ioredis';
import { decodeNews } from './journal-codec.js';
import type { StockNews } from './stock-store.js';

export type NewsListener = {
  readonly onNews: (news: StockNews) => void;
  /** Subscribed, for the first time or again: what is said from now on is heard. */
  readonly onOpen: () => void;
  /** The connection broke: something may have been missed. */
  readonly onLost: () => void;
};

/** Subscribes when the connection is ready, and again after every break. It must not resubscribe by itself. */
export function listenToNews(subscriber: Redis | Cluster, keyPrefix: string, listener: NewsListener): void {
  const channel = `${keyPrefix}:news`;
  subscriber.on('message', (from: string, message: string) => {
    if (from === channel) listener.onNews(decodeNews(message));
  });
  subscriber.on('close', () => listener.onLost());
  subscriber.on('ready', () => {
    subscriber.subscribe(channel).then(
      () => listener.onOpen(),
      // The connection broke again: `ready` comes once more.
      () => listener.onLost(),
    );
  });
}
