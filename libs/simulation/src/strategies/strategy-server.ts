/**
 * A shop on one of the strategies, as a process of its own: as much of the REST contract as a sale uses, on a bare HTTP server,
 * so that nothing but the strategy makes it slow. It ignores Idempotency-Keys, as such shops do.
 */
import { createServer, type IncomingMessage } from 'node:http';
import { Redis } from 'ioredis';
import { Pool } from 'pg';
import { z } from 'zod';
import { putSkuBody, reserveBody } from '#contracts';
import { problemOf, systemIds } from '#platform';
import { strategies } from './index.js';
import type { NaiveName, Strategy } from './strategy.js';

type Answer = { readonly status: number; readonly body: unknown };

const environment = z
  .object({
    PORT: z.coerce.number(),
    STRATEGY: z.enum(Object.keys(strategies) as [NaiveName, ...NaiveName[]]),
    REDIS_URL: z.string(),
    DATABASE_URL: z.string(),
  })
  .parse(process.env);

/** Each instance; what it has not got to is waited for. */
const postgresConnectionsMax = 20;
const bodyCharactersMax = 64 * 1_024;

const redis = new Redis(environment.REDIS_URL);
redis.on('error', () => undefined);
const postgres = new Pool({ connectionString: environment.DATABASE_URL, max: postgresConnectionsMax });
postgres.on('error', () => undefined);
const strategy: Strategy = new strategies[environment.STRATEGY].open({ redis, postgres });

const server = createServer((request, response) => {
  answer(request).then(
    ({ status, body }) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    },
    (error: unknown) => {
      response.writeHead(500).end(JSON.stringify(problemOf('internal', String(error))));
    },
  );
});
server.listen(environment.PORT, '127.0.0.1', () => {
  process.stdout.write(`${environment.STRATEGY} listens on http://127.0.0.1:${environment.PORT}\n`);
});

async function answer(request: IncomingMessage): Promise<Answer> {
  const [, , resource, name, action] = (request.url ?? '').split('/');
  switch (`${request.method} ${resource} ${action ?? ''}`.trim()) {
    case 'PUT skus': {
      const { onHand } = putSkuBody.parse(await bodyOf(request));
      await strategy.stock(name!, onHand);
      return { status: 201, body: { sku: name, onHand } };
    }
    case 'POST reservations': {
      const { buyerId, lines } = reserveBody.parse(await bodyOf(request));
      const [{ sku, quantity }] = lines as [(typeof lines)[number]];
      const id = systemIds.uuid();
      const outcome = await strategy.buy({ id, buyerId, sku, quantity });
      if (outcome === 'sold') return { status: 201, body: { id } };
      return { status: 409, body: problemOf('sold-out', `${sku} is sold out`) };
    }
    // It is sold at once: there is nothing left to confirm.
    case 'POST reservations confirm':
      return { status: 200, body: { id: name } };
    case 'GET reservations':
      return (await strategy.isOnRecord(name!))
        ? { status: 200, body: { id: name } }
        : { status: 404, body: problemOf('unknown-reservation', 'No such reservation') };
    default:
      return { status: 404, body: problemOf('not-found', 'No such call') };
  }
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request) {
    text += String(chunk);
    if (text.length > bodyCharactersMax) throw new Error('the body is too large');
  }
  return JSON.parse(text);
}
