/**
 * POST /v1/reservations, the call that comes by the thousand. It is a plain route of the server beneath Nest, with the same
 * hooks, schemas and problem documents as every other call: Nest's own share would be a tenth of the cost of a refusal.
 */
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type ReserveBody, reserveBody } from '#contracts';
import { mergeLines, UnavailableError } from '#domain';
import type { CallOptions, Metrics, ProblemFilter, ReservationOutcomeLabel } from '#platform';
import type {
  Answer,
  KeyedRequest,
  Operation,
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
    let refused: ReserveOutcome['kind'] | undefined;
    const work = (operation: Operation): Promise<Answer> => {
      refused = undefined;
      return this.reserve(operation, command);
    };
    const refuse = (keyed: KeyedRequest): Answer | undefined =>
      this.reservations.refuse(keyed, command, (outcome) => {
        refused = outcome.kind;
        return presentReserve(outcome);
      });
    const { replayed } = await this.idempotent.answer(request, reply, work, { unclaimed: true, refuse });
    // What the key had been answered before was counted then.
    if (refused && !replayed) this.metrics.reservations.inc({ outcome: refused });
  }

  private async reserve(operation: Operation, command: ReserveCommand): Promise<Answer> {
    let label: ReservationOutcomeLabel | undefined;
    try {
      return await this.reservations.reserve(operation, command, (outcome) => {
        label = outcome.kind;
        return presentReserve(outcome);
      });
    } catch (error) {
      label = error instanceof UnavailableError ? 'unavailable' : 'error';
      throw error;
    } finally {
      // None when an earlier attempt's outcome was found: that one has been counted.
      if (label !== undefined) this.metrics.reservations.inc({ outcome: label });
    }
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
