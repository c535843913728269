import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import type { StockLevel } from '#domain';
import { createLogger, type Timer, type Timers } from '#platform';
import { StockEvents } from './stock-events.js';

/** Timers that go off when the test says so. */
class ManualTimers implements Timers {
  nowMs = 0;
  private waiting: { atMs: number; call: () => void }[] = [];

  after(delayMs: number, call: () => void): Timer {
    const entry = { atMs: this.nowMs + delayMs, call };
    this.waiting.push(entry);
    return { cancel: () => void (this.waiting = this.waiting.filter((other) => other !== entry)) };
  }

  endOfTurn(call: () => void): void {
    this.after(0, call);
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.after(delayMs, resolve));
  }

  get pending(): number {
    return this.waiting.length;
  }

  /** Lets time pass in steps of 100 ms, and what follows from it happen. */
  async pass(ms: number): Promise<void> {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs;) {
      this.nowMs += 100;
      const due = this.waiting.filter(({ atMs }) => atMs <= this.nowMs);
      this.waiting = this.waiting.filter(({ atMs }) => atMs > this.nowMs);
      for (const { call } of due) call();
      await new Promise(setImmediate);
    }
  }
}

/** A response that remembers what was written, and may be full. */
class Watcher extends EventEmitter {
  readonly writable = true;
  readonly socket = new EventEmitter();
  full = false;
  text = '';

  writeHead(): this {
    return this;
  }

  write(text: string): boolean {
    this.text += text;
    return !this.full;
  }

  end(): void {
    this.emit('close');
  }

  destroy(): void {
    this.emit('close');
  }

  get response(): ServerResponse {
    return this as unknown as ServerResponse;
  }

  get versions(): number[] {
    return Array.from(this.text.matchAll(/^id: (\d+)$/gm), ([, version]) => Number(version));
  }
}

function setUp(subscribersMax = 3) {
  const timers = new ManualTimers();
  const levels = new Map<string, StockLevel>();
  const asked: (readonly string[])[] = [];
  let failing = false;
  const stock = {
    findMany: async (skus: readonly string[]) => {
      asked.push(skus);
      if (failing) throw new Error('not now');
      return skus.flatMap((sku) => levels.get(sku) ?? []);
    },
  };
  const setLevel = (sku: string, version: number): StockLevel => {
    const level = { sku, onHand: 9, held: 0, committed: 0, buyerLimit: null, holdTtlSeconds: 60, version };
    levels.set(sku, level);
    return level;
  };
  const events = new StockEvents(
    stock,
    timers,
    createLogger({ level: 'silent', readable: false }),
    subscribersMax,
  );
  const watch = (level: StockLevel, lastEventId?: string) => {
    const watcher = new Watcher();
    events.admit();
    events.subscribe(watcher.response, level, lastEventId);
    return watcher;
  };
  return { timers, asked, setLevel, events, watch, fail: (value: boolean) => void (failing = value) };
}

describe('on connecting', () => {
  it('a watcher gets the level at once, unless it has it', () => {
    const { setLevel, watch } = setUp();
    const level = setLevel('tee', 7);
    expect(watch(level).versions).toEqual([7]);
    expect(watch(level, '6').versions).toEqual([7]);
    expect(watch(level, '7').versions).toEqual([]);
  });

  it('the event has its name, its id and the body of a GET', () => {
    const { setLevel, watch } = setUp();
    expect(watch(setLevel('tee', 7)).text).toContain(
      'event: stock\nid: 7\ndata: {"sku":"tee","onHand":9,"available":9,"held":0,"committed":0,' +
        '"buyerLimit":null,"holdTtlSeconds":60,"version":7}\n\n',
    );
  });

  it('one too many is refused, and may come when another has left', () => {
    const { setLevel, watch } = setUp(2);
    const level = setLevel('tee', 1);
    const first = watch(level);
    watch(level);
    expect(() => watch(level)).toThrow(expect.objectContaining({ slug: 'overloaded', status: 503 }));
    first.end();
    expect(watch(level).versions).toEqual([1]);
  });
});

describe('while watching', () => {
  it('every change comes within 100 ms, once, and nothing when there is none', async () => {
    const { timers, setLevel, watch } = setUp();
    const watcher = watch(setLevel('tee', 1));
    await timers.pass(500);
    expect(watcher.versions).toEqual([1]);
    setLevel('tee', 2);
    await timers.pass(100);
    expect(watcher.versions).toEqual([1, 2]);
    await timers.pass(1_000);
    expect(watcher.versions).toEqual([1, 2]);
  });

  it('many changes in a second are at most ten events, the last of them the last', async () => {
    const { timers, setLevel, watch } = setUp();
    const watcher = watch(setLevel('tee', 1), '1');
    for (let version = 2; version <= 201; version++) {
      setLevel('tee', version);
      if (version % 20 === 1) await timers.pass(100);
    }
    expect(watcher.versions.length).toBeLessThanOrEqual(10);
    expect(watcher.versions.at(-1)).toBe(201);
  });

  it('all watchers of all SKUs are one query a tick, and each gets its own SKU', async () => {
    const { timers, asked, setLevel, watch } = setUp();
    const [one, two] = [watch(setLevel('tee', 1)), watch(setLevel('mug', 1))];
    watch(setLevel('tee', 1));
    setLevel('mug', 5);
    await timers.pass(100);
    expect(asked).toEqual([['tee', 'mug']]);
    expect(one.versions).toEqual([1]);
    expect(two.versions).toEqual([1, 5]);
  });

  it('a level that is older than the one sent is not sent', async () => {
    const { timers, setLevel, watch } = setUp();
    const watcher = watch(setLevel('tee', 5));
    setLevel('tee', 4);
    await timers.pass(300);
    expect(watcher.versions).toEqual([5]);
  });

  it('a store that cannot answer is asked again', async () => {
    const { timers, setLevel, watch, fail } = setUp();
    const watcher = watch(setLevel('tee', 1));
    fail(true);
    setLevel('tee', 2);
    await timers.pass(500);
    expect(watcher.versions).toEqual([1]);
    fail(false);
    await timers.pass(100);
    expect(watcher.versions).toEqual([1, 2]);
  });

  it('a watcher that does not read is not written to, and then gets the level as it is', async () => {
    const { timers, setLevel, watch } = setUp();
    const watcher = watch(setLevel('tee', 1));
    watcher.full = true;
    setLevel('tee', 2);
    await timers.pass(100);
    for (let version = 3; version < 400; version++) {
      setLevel('tee', version);
      await timers.pass(100);
    }
    expect(watcher.versions).toEqual([1, 2]);
    watcher.full = false;
    watcher.emit('drain');
    expect(watcher.versions).toEqual([1, 2, 399]);
  });

  it('a sign of life comes every 15 seconds', async () => {
    const { timers, setLevel, watch } = setUp();
    const watcher = watch(setLevel('tee', 1));
    await timers.pass(14_900);
    expect(watcher.text).not.toContain('\n: ');
    await timers.pass(100);
    expect(watcher.text).toContain('\n: ');
    await timers.pass(15_000);
    expect(watcher.text.match(/^: /gm)).toHaveLength(2);
  });
});

describe('at the end', () => {
  it('nobody is asked for when nobody watches', async () => {
    const { timers, asked, setLevel, watch } = setUp();
    const watcher = watch(setLevel('tee', 1));
    await timers.pass(100);
    watcher.end();
    expect(timers.pending).toBe(0);
    await timers.pass(1_000);
    expect(asked).toHaveLength(1);
  });

  it('a poller that is asking while the last one leaves stops, and starts again with the next', async () => {
    const { timers, asked, setLevel, watch } = setUp();
    const watcher = watch(setLevel('tee', 1));
    await timers.pass(100);
    watcher.end();
    const next = watch(setLevel('tee', 2));
    await timers.pass(300);
    setLevel('tee', 3);
    await timers.pass(100);
    expect(next.versions).toEqual([2, 3]);
    expect(asked).toHaveLength(5);
  });

  it('every stream ends, and none begins any more', () => {
    const { timers, setLevel, watch, events } = setUp();
    const level = setLevel('tee', 1);
    let ended = 0;
    for (const watcher of [watch(level), watch(level)]) watcher.on('close', () => (ended += 1));
    events.close();
    expect(ended).toBe(2);
    expect(timers.pending).toBe(0);
    expect(() => watch(level)).toThrow(expect.objectContaining({ slug: 'overloaded' }));
  });
});
