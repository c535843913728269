/** The stream against a real server that breaks it off, comes back, and refuses. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from '@jest/globals';
import { follow, type StreamState } from './stream.js';

let stop: (() => void) | undefined;
afterEach(() => stop?.());

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** Answers the requests one after the other; the last answer is given to all that follow. */
async function serve(answers: Answer[]): Promise<{ path: string; asked: (string | undefined)[] }> {
  const asked: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    asked.push(request.headers['last-event-id'] as string | undefined);
    (answers[asked.length - 1] ?? answers.at(-1)!)(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stop = () => {
    server.closeAllConnections();
    server.close();
  };
  return { path: `http://127.0.0.1:${(server.address() as AddressInfo).port}/events`, asked };
}

const stream =
  (text: string, thenBreak: boolean): Answer =>
  (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(text, () => thenBreak && response.destroy());
  };

async function until(holds: () => boolean): Promise<void> {
  const giveUpAtMs = Date.now() + 10_000;
  while (!holds() && Date.now() < giveUpAtMs) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(holds()).toBe(true);
}

function watch(path: string) {
  const seen: unknown[] = [];
  const states: StreamState['kind'][] = [];
  const end = follow({
    path,
    scopes: [],
    onEvent: (name, data) => seen.push([name, data]),
    onState: ({ kind }) => states.push(kind),
  });
  return { seen, states, end };
}

it('comes back after a break with the last id it saw, as soon as the server wishes', async () => {
  const { path, asked } = await serve([
    stream('retry: 10\n\nevent: stock\nid: 7\ndata: {"available":3}\n\n', true),
    stream('event: stock\nid: 8\ndata: {"available":2}\n\n', false),
  ]);
  const { seen, states, end } = watch(path);
  await until(() => seen.length === 2);
  end();
  expect(seen).toEqual([
    ['stock', { available: 3 }],
    ['stock', { available: 2 }],
  ]);
  expect(asked).toEqual([undefined, '7']);
  expect(states).toEqual(['connecting', 'live', 'broken', 'live']);
});

it('goes on trying through an overload, and gives up where trying again is no use', async () => {
  const problem =
    (status: number): Answer =>
    (_, response) => {
      response.writeHead(status, { 'content-type': 'application/problem+json' });
      response.end(JSON.stringify({ type: '/problems/x', status, title: 'No', detail: 'no' }));
    };
  const { path, asked } = await serve([stream('retry: 10\n\n', true), problem(503), problem(404)]);
  const { states, end } = watch(path);
  await until(() => states.at(-1) === 'refused');
  end();
  expect(asked).toHaveLength(3);
  expect(states).toEqual(['connecting', 'live', 'broken', 'broken', 'refused']);
});

it('says nothing more once it was told to stop', async () => {
  const { path, asked } = await serve([stream('retry: 10\n\n', false)]);
  const { states, end } = watch(path);
  await until(() => states.includes('live'));
  end();
  await new Promise((resolve) => setTimeout(resolve, 60));
  expect(asked).toHaveLength(1);
  expect(states).toEqual(['connecting', 'live']);
});
