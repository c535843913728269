/**
 * POST /v1/reservations, the call that comes by the thousand. It is a plain route of the server beneath Nest, with the same
 * hooks, schemas and problem documents as every other call: Nest's own share would be a tenth of the cost of a refusal.
 */
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type ReserveBody, reserveBody } from '#contracts';
import { mergeLines, UnavailableError } from '#domain';
import {
  type CallOptions,
  type Metrics,
  Problem,
  type ProblemFilter,
  type ReservationOutcomeLabel,
} from '#platform';
import type {
  Answer,
  KeyedRequest,
  Operation,
  Present,
  ReservationUseCases,
  ReserveCommand,
  ReserveOutcome,
} from '#reservations';
import { Idempotent } from '../http/idempotent.js';
import { bodyOf } from '../http/request.js';
import { presentReserve } from './reservation.presenter.js';

const config: CallOptions = { scopes: ['storefront'] };

export function serveReserve(
  nest: NestFastifyApplication,
  reservations: Pick<ReservationUseCases, 'refuse' | 'reserve'>,
  { metrics, filter }: { readonly metrics: Metrics; readonly filter: ProblemFilter },
): void {
  const route = new ReserveRoute(reservations, nest.get(Idempotent), metrics);
  const fastify = nest.getHttpAdapter().getInstance();
  fastify.route({
    method: 'POST',
    url: '/v1/reservations',
    config,
    handler: (request, reply) => route.answer(request, reply),
    errorHandler: (error, request, reply) => filter.answer(error, request, reply),
  });
}

class ReserveRoute {
  constructor(
    private readonly reservations: Pick<ReservationUseCases, 'refuse' | 'reserve'>,
    private readonly idempotent: Idempotent,
    private readonly metrics: Metrics,
  ) {}

  async answer(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const command = commandOf(bodyOf(request, reserveBody));
    let outcome: ReserveOutcome['kind'] | undefined;
    const present: Present<ReserveOutcome> = (decided) => {
      outcome = decided.kind;
      return presentReserve(decided);
    };
    const work = (operation: Operation): Promise<Answer> =>
      this.reservations.reserve(operation, command, present);
    const refuse = (keyed: KeyedRequest): Answer | undefined =>
      this.reservations.refuse(keyed, command, present);
    try {
      const { replayed } = await this.idempotent.answer(request, reply, work, { unclaimed: true, refuse });
      // What the key had been answered before was counted then, whichever instance gave it.
      if (outcome && !replayed) this.count(outcome);
    } catch (error) {
      // A key that is in use or another request's is no attempt.
      if (!(error instanceof Problem))
        this.count(error instanceof UnavailableError ? 'unavailable' : 'error');
      throw error;
    }
  }

  private count(outcome: ReservationOutcomeLabel): void {
    this.metrics.reservations.inc({ outcome });
  }
}

function commandOf(body: ReserveBody): ReserveCommand {
  return {
    buyerId: body.buyerId,
    lines: mergeLines(body.lines),
    ttlSeconds: body.ttlSeconds,
    metadata: body.metadata === undefined ? null : JSON.stringify(body.metadata),
  };
}
