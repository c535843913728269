/** Server-sent events: how a stream begins, one event as text, and the refusal of one subscriber too many. */
import type { ServerResponse } from 'node:http';
import { Problem } from '#platform';

export function beginEventStream(response: ServerResponse): void {
  endWithItsFollower(response);
  response.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
}

/** Whoever will ask nothing more has left: a stream that is seldom written to would not notice otherwise. */
function endWithItsFollower(response: ServerResponse): void {
  const { socket } = response;
  if (!socket || socket.readableEnded) return void response.destroy();
  const end = (): void => void response.destroy();
  socket.once('end', end);
  response.once('close', () => socket.off('end', end));
}

export function eventText(event: string, id: string | number, data: unknown): string {
  return `event: ${event}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`;
}

export function tooManySubscribers(): Problem {
  const detail = 'There are too many subscribers';
  return new Problem('overloaded', detail, {}, { 'retry-after': '5' });
}
