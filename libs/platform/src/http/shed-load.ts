/**
 * Sheds load before it queues: of the calls under /v1 only so many are worked on at once, and one more is told to come
 * again, before its key is looked at or its body read. So what is accepted waits for a bounded number of others, whatever
 * the crowd, and who is refused knows it at once. A call counts from when its body is whole: as long as it is still to
 * come there is nothing to work on, and who never sends it keeps nobody out. Streams are bounded where they are served;
 * /livez, /readyz and /metrics answer in any crowd.
 */
import type { FastifyContextConfig, FastifyInstance } from 'fastify';
import { UnavailableError } from '#domain';

export function shedLoad(fastify: FastifyInstance, inFlightMax: number): void {
  let inFlight = 0;
  fastify.addHook('onRequest', (request, _reply, done) => {
    if (inFlight >= inFlightMax && isBounded(request.routeOptions.config)) return done(overloaded());
    return done();
  });
  fastify.addHook('preValidation', (request, reply, done) => {
    const { config } = request.routeOptions;
    if (!isBounded(config)) return done();
    const enter = (): void => {
      inFlight += 1;
      // Always comes, also when the caller has left without his answer.
      reply.raw.once('close', () => {
        inFlight -= 1;
      });
    };
    // A file may have been refused before it was whole.
    if (config.upload === true) request.raw.once('end', () => !reply.sent && enter());
    else if (inFlight >= inFlightMax) return done(overloaded());
    else enter();
    return done();
  });
}

function isBounded({ scopes, stream }: FastifyContextConfig): boolean {
  return scopes !== undefined && stream !== true;
}

function overloaded(): UnavailableError {
  return new UnavailableError('overloaded', 'as many calls are in flight as there may be', false);
}
