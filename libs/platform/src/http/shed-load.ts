/**
 * Sheds load before it queues: of the calls under /v1 only so many are worked on at once, and one more is told to come
 * again, before its key is looked at or its body read. So what is accepted waits for a bounded number of others, whatever
 * the crowd, and who is refused knows it at once. Streams are bounded where they are served; /livez, /readyz and
 * /metrics answer in any crowd.
 */
import type { FastifyInstance } from 'fastify';
import { UnavailableError } from '#domain';

export function shedLoad(fastify: FastifyInstance, inFlightMax: number): void {
  let inFlight = 0;
  fastify.addHook('onRequest', (request, reply, done) => {
    const { scopes, stream } = request.routeOptions.config;
    if (scopes === undefined || stream === true) return done();
    if (inFlight >= inFlightMax) {
      return done(new UnavailableError('overloaded', 'as many calls are in flight as there may be', false));
    }
    inFlight += 1;
    // Always comes, also when the caller has left without his answer.
    reply.raw.once('close', () => {
      inFlight -= 1;
    });
    return done();
  });
}
