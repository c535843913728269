import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { stockLevel, type WireStockLevel } from '#contracts';
import { Client, expectProblem } from '../fixtures/client.js';
import { startService } from '../fixtures/service.js';

let client: Client;
const open: Stream[] = [];
beforeAll(async () => {
  client = new Client(await startService());
});
afterAll(async () => {
  for (const stream of open) stream.close();
  await client.service.stop();
});

type StockEvent = { readonly id: string; readonly level: WireStockLevel; readonly atMs: number };

/** What a subscriber has received so far. */
class Stream {
  readonly events: StockEvent[] = [];
  ended = false;
  private readonly abort = new AbortController();

  async open(sku: string, lastEventId?: string): Promise<Response> {
    open.push(this);
    const response = await fetch(`${client.service.baseUrl}/v1/skus/${sku}/events`, {
      headers: {
        authorization: `Bearer ${client.service.storefrontKey}`,
        ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
      },
      signal: this.abort.signal,
    });
    if (response.status === 200) void this.read(response);
    return response;
  }

  close(): void {
    this.abort.abort();
  }

  /** Waits until what was received fits, at most five seconds. */
  async until(fits: (events: readonly StockEvent[]) => boolean): Promise<void> {
    const limitMs = Date.now() + 5_000;
    while (!fits(this.events)) {
      if (Date.now() > limitMs) throw new Error(`waited for ${String(fits)}: ${JSON.stringify(this.events)}`);
      await sleep(5);
    }
  }

  private async read(response: Response): Promise<void> {
    const decoder = new TextDecoder();
    let text = '';
    try {
      for await (const chunk of response.body!) {
        text += decoder.decode(chunk as Uint8Array, { stream: true });
        const blocks = text.split('\n\n');
        text = blocks.pop()!;
        for (const block of blocks) this.take(block);
      }
    } catch {
      // The test has left.
    }
    this.ended = true;
  }

  private take(block: string): void {
    const fields = new Map(block.split('\n').map((line) => line.split(/: (.*)/s, 2) as [string, string]));
    if (fields.get('event') !== 'stock') return;
    const level = stockLevel.parse(JSON.parse(fields.get('data')!));
    this.events.push({ id: fields.get('id')!, level, atMs: Date.now() });
  }
}

describe('a subscriber', () => {
  it('gets the present level at once, and then every change', async () => {
    const sku = await client.newSku(5);
    const stream = new Stream();
    const response = await stream.open(sku);
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    await stream.until((events) => events.length === 1);
    const { body } = await client.request(`/v1/skus/${sku}`);
    expect(stream.events[0]).toMatchObject({ id: String(body['version']), level: body });
    const { id } = await client.hold(sku, 2);
    await stream.until((events) => events.at(-1)?.level.held === 2);
    await client.post(`/v1/reservations/${id}/release`);
    await stream.until((events) => events.at(-1)?.level.held === 0);
    const versions = stream.events.map((event) => event.level.version);
    expect(versions).toEqual([...versions].sort((left, right) => left - right));
    expect(new Set(versions).size).toBe(versions.length);
  });

  it('who comes back with the last id gets nothing new until there is, with another the level at once', async () => {
    const sku = await client.newSku(5);
    const { version } = await client.level(sku);
    const [upToDate, behind] = [new Stream(), new Stream()];
    await upToDate.open(sku, String(version));
    await behind.open(sku, String(version - 1));
    await behind.until((events) => events.length === 1);
    await sleep(300);
    expect(upToDate.events).toEqual([]);
    await client.hold(sku);
    await upToDate.until((events) => events.length === 1);
    expect(upToDate.events[0]!.level.held).toBe(1);
  });

  it('gets at most ten events a second, and the last level in the end', async () => {
    const sku = await client.newSku(1_000);
    const stream = new Stream();
    await stream.open(sku);
    await stream.until((events) => events.length === 1);
    const endMs = Date.now() + 1_500;
    let held = 0;
    while (Date.now() < endMs && held < 900) {
      await client.hold(sku);
      held += 1;
    }
    await stream.until((events) => events.at(-1)!.level.held === held);
    // Any eleven events in a row take a second at least, with room for the timing of their arrival.
    for (let at = 10; at < stream.events.length; at++) {
      expect(stream.events[at]!.atMs - stream.events[at - 10]!.atMs).toBeGreaterThan(850);
    }
    expect(stream.events.length).toBeGreaterThan(3);
  });

  it('of a SKU that nobody has heard of gets a 404', async () => {
    expectProblem(await client.request('/v1/skus/never-heard-of/events'), 'unknown-sku');
  });

  it('sees the stream end when the service does', async () => {
    const other = new Client(await startService());
    const sku = await other.newSku(5);
    const stream = new Stream();
    const mine = client;
    client = other;
    await stream.open(sku);
    client = mine;
    await stream.until((events) => events.length === 1);
    const beganMs = Date.now();
    await other.service.stop();
    expect(Date.now() - beganMs).toBeLessThan(5_000);
    await sleep(50);
    expect(stream.ended).toBe(true);
  });
});

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
