/**
 * `/queues`: what the workers are doing and have done. For admins: an API key as elsewhere, or as the password that a browser
 * asks for. It is read-only: a job is repeated by the next tick, not from here.
 */
import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type ApiKey, findApiKey, Problem, sendProblem } from '#platform';
import type { ReconciliationQueues } from '#reconciliation';
import { securityHeaders } from '../http/security-headers.js';

const where = '/queues';

/** The board uses inline styles, and states its own base address. */
const headers = securityHeaders(["style-src 'self' 'unsafe-inline'", "font-src 'self'", "base-uri 'self'"]);

export async function serveQueues(
  nest: NestFastifyApplication,
  queues: ReconciliationQueues,
  apiKeys: readonly ApiKey[],
): Promise<void> {
  const board = new FastifyAdapter().setBasePath(where);
  createBullBoard({
    queues: queues.all.map((queue) => new BullMQAdapter(queue, { readOnlyMode: true })),
    // The adapter brings a copy of the types of its own, a patch release older.
    serverAdapter: board as never,
    options: { uiConfig: { boardTitle: 'Holdfast' } },
  });
  const fastify = nest.getHttpAdapter().getInstance();
  await fastify.register(
    async (scope) => {
      // The board formats errors its own way, so a refusal is sent before the request reaches it.
      scope.addHook('onRequest', async (request, reply) => {
        void reply.headers(headers);
        const refusal = refusalOf(request, apiKeys);
        if (!refusal) return undefined;
        sendProblem(reply, refusal);
        return reply;
      });
      scope.addHook('onSend', async (_, reply, payload) =>
        typeof payload === 'string' && isPage(reply) ? withoutFontsOfOthers(payload) : payload,
      );
      await scope.register(board.registerPlugin());
    },
    { prefix: where },
  );
}

function isPage(reply: FastifyReply): boolean {
  return String(reply.getHeader('content-type')).startsWith('text/html');
}

/** The board's page would load its fonts from another host, which may be out of reach and need not know of us. */
function withoutFontsOfOthers(page: string): string {
  return page.replaceAll(/<link href="https:[^>]*>/g, '');
}

function refusalOf(request: FastifyRequest, apiKeys: readonly ApiKey[]): Problem | undefined {
  const secret = secretOf(request.headers.authorization ?? '');
  const key = secret === undefined ? undefined : findApiKey(apiKeys, secret);
  if (key?.scopes.has('admin')) return undefined;
  if (key) return new Problem('insufficient-scope', 'The queues are for admins', { scopes: ['admin'] });
  const challenge = { 'www-authenticate': 'Basic realm="holdfast, password: an admin\'s API key"' };
  return new Problem('unauthenticated', 'Send the API key of an admin', {}, challenge);
}

function secretOf(authorization: string): string | undefined {
  const [, scheme, value] = /^(Bearer|Basic) +([\x21-\x7e]+)$/i.exec(authorization) ?? [];
  if (value === undefined || scheme?.toLowerCase() === 'bearer') return value;
  const pair = Buffer.from(value, 'base64').toString('utf8');
  return pair.slice(pair.indexOf(':') + 1);
}
