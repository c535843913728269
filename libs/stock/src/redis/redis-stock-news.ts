/**
 * The news of the stock functions, as every stock cache hears it. A subscription is one connection: when that breaks, or is not
 * known to be heard, something may have been missed, and another takes its place. ioredis would repair it by itself, and in a
 * cluster move it silently to another node.
 */
import type { Cluster, Redis } from 'ioredis';
import { systemRandom, type Timer, type Timers } from '#platform';
import type { StockNews } from '../stock-store.js';
import { decodeNews } from './journal-codec.js';
import { NewsBeats } from './news-beats.js';

export type NewsListener = {
  readonly onNews: (news: StockNews) => void;
  /** For the first time or again: what is said from now on is heard. */
  readonly onOpen: () => void;
  /** Something may have been missed, and may be until it is open again. */
  readonly onLost: () => void;
};

export type NewsOptions = {
  /** A new connection, which ends when it breaks. */
  readonly connect: () => Redis;
  /** What the functions are called by: beats go the same way. */
  readonly decisions: Redis | Cluster;
  readonly keyPrefix: string;
  readonly timers: Pick<Timers, 'after'>;
  readonly listener: NewsListener;
};

const beatEveryMs = 1_000;
const beatsMissedMax = 3;
const openAgainAfterMs = 100;

export class NewsSubscription {
  private readonly newsChannel: string;
  private readonly beatChannel: string;
  private connection: Redis | null = null;
  private beats = new NewsBeats();
  private isOpen = false;
  private timer: Timer | null = null;

  constructor(private readonly options: NewsOptions) {
    this.newsChannel = `${options.keyPrefix}:news`;
    this.beatChannel = `${options.keyPrefix}:beats:${systemRandom.bytes(8).toString('hex')}`;
  }

  /** Subscribes, and again whenever that is over, until it is closed. */
  open(): void {
    const connection = this.options.connect();
    const ifOurs = (then: () => void) => () => {
      if (this.connection === connection) then();
    };
    const lose = ifOurs(() => this.lose());
    this.connection = connection;
    this.beats = new NewsBeats();
    connection.on('message', (channel: string, message: string) => {
      if (this.connection === connection) this.hear(channel, message);
    });
    connection.once('end', lose);
    // It may take as long as so many beats, and no longer.
    this.beat();
    connection
      .connect()
      .then(() => connection.subscribe(this.newsChannel, this.beatChannel))
      .then(
        ifOurs(() => this.beat()),
        lose,
      );
  }

  close(): void {
    this.timer?.cancel();
    this.connection?.disconnect();
    this.connection = null;
  }

  private hear(channel: string, message: string): void {
    if (channel === this.newsChannel) return this.options.listener.onNews(decodeNews(message));
    const [round, way = ''] = message.split(' ');
    this.beats.heard(way, Number(round));
    if (this.isOpen || this.beats.missed() > 0) return;
    this.isOpen = true;
    this.options.listener.onOpen();
  }

  private beat(): void {
    const { decisions, timers } = this.options;
    this.timer?.cancel();
    if (this.beats.missed() >= beatsMissedMax) return this.lose();
    const ways = waysOf(decisions);
    const round = this.beats.next([...ways.keys()]);
    // One that cannot be sent will be missed.
    for (const [way, node] of ways) node.publish(this.beatChannel, `${round} ${way}`).catch(() => undefined);
    this.timer = timers.after(beatEveryMs, () => this.beat());
  }

  private lose(): void {
    this.close();
    if (this.isOpen) this.options.listener.onLost();
    this.isOpen = false;
    this.timer = this.options.timers.after(openAgainAfterMs, () => this.open());
  }
}

/** Where news comes from, by name: the masters of a cluster; Redis itself, or a cluster of which none is known, has no name. */
function waysOf(decisions: Redis | Cluster): Map<string, Redis | Cluster> {
  const masters = 'nodes' in decisions ? decisions.nodes('master') : [];
  if (masters.length === 0) return new Map([['', decisions]]);
  return new Map(masters.map((node) => [`${node.options.host}:${node.options.port}`, node]));
}
