/**
 * Stock levels as they change, pushed to those who watch them (server-sent events).
 *
 * There is one poller per process, and only while somebody watches: every 100 ms it reads the levels of all watched SKUs in
 * one query, and sends each level whose version has grown. So a thousand watchers of one SKU cost one query. A watcher whose
 * connection is full is skipped until it drains, and then gets the current level: at most one level ever waits for it.
 */
import type { ServerResponse } from 'node:http';
import type { StockLevel } from '#domain';
import type { Logger, Timer, Timers } from '#platform';
import type { StockUseCases } from '#reservations';
import { beginEventStream, eventText, tooManySubscribers } from '../http/event-stream.js';
import { presentStockLevel } from './stock.presenter.js';

const pollIntervalMs = 100;
const heartbeatIntervalMs = 15_000;
const subscribersMaxDefault = 10_000;

type Subscriber = {
  readonly sku: string;
  readonly response: ServerResponse;
  /** Version of the level it was sent last. */
  version: number;
  /** The connection takes no more for now. */
  full: boolean;
};

export class StockEvents {
  private readonly subscribers = new Set<Subscriber>();
  private readonly watched = new Map<string, { level: StockLevel; readonly subscribers: Set<Subscriber> }>();
  private poll: Timer | undefined;
  private heartbeat: Timer | undefined;
  private polling = false;
  private closed = false;

  constructor(
    private readonly stock: Pick<StockUseCases, 'findMany'>,
    private readonly timers: Timers,
    private readonly logger: Logger,
    private readonly subscribersMax = subscribersMaxDefault,
  ) {}

  /** @throws Problem `overloaded` when there are as many subscribers as there may be, or the service is ending. */
  admit(): void {
    if (!this.closed && this.subscribers.size < this.subscribersMax) return;
    throw tooManySubscribers();
  }

  /** Sends the level at once, unless the subscriber has it, and from then on whatever it becomes. */
  subscribe(response: ServerResponse, level: StockLevel, lastEventId: string | undefined): void {
    beginEventStream(response);
    const subscriber = { sku: level.sku, response, version: level.version, full: false };
    response.on('close', () => this.unsubscribe(subscriber));
    response.on('drain', () => this.drained(subscriber));
    response.on('error', () => this.unsubscribe(subscriber));
    this.subscribers.add(subscriber);
    const watched = this.watched.get(level.sku) ?? { level, subscribers: new Set() };
    watched.subscribers.add(subscriber);
    this.watched.set(level.sku, watched);
    if (watched.level.version < level.version) watched.level = level;
    write(subscriber, 'retry: 1000\n\n');
    if (lastEventId !== String(level.version)) send(subscriber, level);
    this.startTimers();
  }

  /** Ends every stream. Nobody is admitted any more. */
  close(): void {
    this.closed = true;
    for (const { response } of this.subscribers) response.end();
    // A set may lose members while it is walked.
    for (const subscriber of this.subscribers) this.unsubscribe(subscriber);
  }

  private unsubscribe(subscriber: Subscriber): void {
    if (!this.subscribers.delete(subscriber)) return;
    const watched = this.watched.get(subscriber.sku);
    watched?.subscribers.delete(subscriber);
    if (watched?.subscribers.size === 0) this.watched.delete(subscriber.sku);
    if (this.subscribers.size === 0) this.stopTimers();
  }

  private drained(subscriber: Subscriber): void {
    subscriber.full = false;
    const level = this.watched.get(subscriber.sku)?.level;
    if (level && level.version > subscriber.version) send(subscriber, level);
  }

  private startTimers(): void {
    this.heartbeat ??= this.timers.after(heartbeatIntervalMs, () => this.beat());
    if (!this.polling) this.poll ??= this.timers.after(pollIntervalMs, () => void this.pollOnce());
  }

  private stopTimers(): void {
    this.heartbeat?.cancel();
    this.poll?.cancel();
    this.heartbeat = undefined;
    this.poll = undefined;
  }

  private beat(): void {
    this.heartbeat = undefined;
    for (const subscriber of this.subscribers) if (!subscriber.full) write(subscriber, ': still here\n\n');
    this.startTimers();
  }

  private async pollOnce(): Promise<void> {
    this.poll = undefined;
    this.polling = true;
    try {
      for (const level of await this.stock.findMany([...this.watched.keys()])) this.publish(level);
    } catch (error) {
      // Watchers keep what they have; the next poll tries again.
      this.logger.debug({ err: error }, 'stock levels could not be read');
    } finally {
      this.polling = false;
      if (this.subscribers.size > 0) this.startTimers();
    }
  }

  private publish(level: StockLevel): void {
    const watched = this.watched.get(level.sku);
    if (!watched || watched.level.version >= level.version) return;
    watched.level = level;
    for (const subscriber of watched.subscribers) if (!subscriber.full) send(subscriber, level);
  }
}

function send(subscriber: Subscriber, level: StockLevel): void {
  subscriber.version = level.version;
  write(subscriber, eventText('stock', level.version, presentStockLevel(level)));
}

function write(subscriber: Subscriber, text: string): void {
  if (subscriber.response.writable) subscriber.full = !subscriber.response.write(text);
}
