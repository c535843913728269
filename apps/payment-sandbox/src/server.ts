/** The sandbox over HTTP: what a merchant asks of a provider, and the plan of faults. */
import { createHash, timingSafeEqual } from 'node:crypto';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { z } from 'zod';
import { sandboxChargeRequest, sandboxRefundRequest } from '#payments';
import type { Book } from './book.js';
import type { Cashier } from './cashier.js';
import { faultPlan, type Faults } from './faults.js';
import type { Listings } from './listings.js';

export type ServerOptions = {
  readonly apiKey: string;
  readonly book: Book;
  readonly cashier: Cashier;
  readonly faults: Faults;
  readonly listings: Listings;
};

const bodyBytesMax = 64 * 1024;
const number = z
  .string()
  .regex(/^[0-9]{1,15}$/)
  .transform(Number);
const listing = z.strictObject({
  from: number,
  until: number,
  limit: number.refine((limit) => limit >= 1 && limit <= 1_000),
  after: z.string().max(200).optional(),
});
const paging = z.strictObject({
  page: number.refine((page) => page >= 1),
  size: number.refine((size) => size >= 1 && size <= 1_000),
});
const idempotencyKey = z.string().regex(/^[\x21-\x7e]{1,255}$/);

export function createServer({ apiKey, book, cashier, faults, listings }: ServerOptions): FastifyInstance {
  const server = Fastify({ bodyLimit: bodyBytesMax });
  server.addHook('onRequest', async (request, reply) => {
    if (!isKey(request, apiKey))
      return reply.code(401).send({ error: 'Authorization: Bearer <SANDBOX_API_KEY>' });
  });
  server.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
    if (error instanceof z.ZodError) return reply.code(422).send({ error: z.prettifyError(error) });
    return reply.code(error.statusCode ?? 500).send({ error: error.message });
  });

  /** Carried out, and then perhaps not said. */
  const answer = (reply: FastifyReply, made: object | undefined, refusal: string) => {
    if (!made) return reply.code(422).send({ error: refusal });
    if (faults.losesReply()) return reply.code(500).send({ error: 'the answer was lost, as planned' });
    return reply.code(201).send(made);
  };
  const found = (reply: FastifyReply, one: object | undefined) =>
    one ? reply.send(one) : reply.code(404).send({ error: 'there is none with this id' });
  const keyOf = (request: FastifyRequest) => idempotencyKey.parse(request.headers['idempotency-key']);
  const idOf = (request: FastifyRequest) => (request.params as { id: string }).id;

  server.post('/charges', (request, reply) => {
    const charge = cashier.charge(keyOf(request), sandboxChargeRequest.parse(request.body));
    return answer(reply, charge, 'this idempotency key was used for something else');
  });
  server.get('/charges/:id', (request, reply) => found(reply, book.charges.get(idOf(request))));
  server.get('/charges', (request) => {
    const { reference } = z.strictObject({ reference: z.string().max(100) }).parse(request.query);
    const charge = book.chargeFor(reference);
    return { data: charge ? [charge] : [] };
  });
  server.post('/charges/:id/cancel', (request, reply) =>
    answer(reply, cashier.cancel(idOf(request)), 'there is no such charge, or it cannot be cancelled'),
  );
  server.post('/refunds', (request, reply) => {
    const refund = cashier.refund(keyOf(request), sandboxRefundRequest.parse(request.body));
    return answer(reply, refund, 'there is no such charge, or less of it is left than that');
  });
  server.get('/refunds/:id', (request, reply) => found(reply, book.refunds.get(idOf(request))));
  server.get('/transactions', (request) => {
    const { limit, after = null, ...window } = listing.parse(request.query);
    return listings.byTime(window, after, limit);
  });
  server.get('/transactions/pages', (request) => listings.byPage(paging.parse(request.query)));
  server.get('/transactions/:id', (request, reply) => found(reply, book.transaction(idOf(request))));
  server.get('/faults', () => faults.plan);
  server.put('/faults', (request) => {
    faults.plan = faultPlan.parse(request.body);
    return faults.plan;
  });
  return server;
}

function isKey(request: FastifyRequest, apiKey: string): boolean {
  const [given, wanted] = [request.headers.authorization ?? '', `Bearer ${apiKey}`].map((text) =>
    createHash('sha256').update(text).digest(),
  );
  return timingSafeEqual(given!, wanted!);
}
