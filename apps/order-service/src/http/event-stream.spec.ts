import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { expect, it } from '@jest/globals';
import { beginEventStream } from './event-stream.js';

it('a stream ends as soon as its follower closes his side, though nothing is written to it', async () => {
  const server = createServer();
  // As the service has it: a caller who has said all that he has to say is still answered.
  Object.assign(server, { httpAllowHalfOpen: true });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const asked = once(server, 'request') as Promise<[unknown, ServerResponse]>;
  const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n'));
  const [, response] = await asked;
  const ended = once(response, 'close');
  beginEventStream(response);
  response.write('retry: 1000\n\n');
  await once(socket, 'data');
  socket.end();
  await ended;
  expect(response.destroyed).toBe(true);
  await new Promise((resolve) => server.close(resolve));
});
