/**
 * Sheds load before it queues: only so many calls under /v1 are worked on at once, and any further one is told to retry before
 * its key is checked or its body read. So an accepted call waits for a bounded number of others, whatever the crowd, and a
 * refused caller knows at once. A call counts from the moment its body is complete: until then there is nothing to work on,
 * and a client that never sends it keeps nobody out. Streams are bounded where they are served; /livez, /readyz and /metrics
 * always answer.
 */
import type { FastifyContextConfig, FastifyInstance } from 'fastify';
import { Gauge } from 'prom-client';
import { UnavailableError } from '#domain';
import type { Metrics } from '../metrics/metrics.js';

export function shedLoad(fastify: FastifyInstance, inFlightMax: number, { registry }: Metrics): void {
  let inFlight = 0;
  void new Gauge({
    name: 'holdfast_calls_in_flight',
    help: 'Calls under /v1 that are worked on now; from CALLS_IN_FLIGHT_MAX on, in each thread, further ones are refused',
    registers: [registry],
    collect() {
      this.set(inFlight);
    },
  });
  fastify.addHook('onRequest', (request, _reply, done) => {
    if (inFlight >= inFlightMax && isBounded(request.routeOptions.config)) return done(overloaded());
    return done();
  });
  fastify.addHook('preValidation', (request, reply, done) => {
    const { config } = request.routeOptions;
    if (!isBounded(config)) return done();
    const enter = (): void => {
      inFlight += 1;
      // Always comes, even when the caller has left without the answer.
      reply.raw.once('close', () => {
        inFlight -= 1;
      });
    };
    // A file may have been refused before it was complete.
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
  return new UnavailableError('overloaded', 'too many calls are in progress', false);
}
