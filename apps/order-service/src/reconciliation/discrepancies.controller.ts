/** Discrepancies over HTTP: listed over all runs, and decided about. Admins only. */
import { Controller, Get, Inject, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isUuid, listDiscrepanciesQuery, resolveBody } from '#contracts';
import { Call, Cursors, sendJson } from '#platform';
import type { ReconciliationUseCases } from '#reconciliation';
import { Idempotent } from '../http/idempotent.js';
import { pageRequestOf, presentPage } from '../http/pagination.js';
import { presentDiscrepancy, presentResolveOutcome, unknownDiscrepancy } from './reconciliation.presenter.js';
import { bodyOf, queryOf } from '../http/request.js';
import type { Services } from '../services.js';
import { CONCLUDE, RECONCILIATION } from '../tokens.js';

@Controller('v1/discrepancies')
export class DiscrepanciesController {
  constructor(
    @Inject(RECONCILIATION) private readonly reconciliation: ReconciliationUseCases,
    @Inject(CONCLUDE) private readonly conclude: Services['conclude'],
    @Inject(Idempotent) private readonly idempotent: Idempotent,
    @Inject(Cursors) private readonly cursors: Cursors,
  ) {}

  @Get()
  @Call({ scopes: ['admin'], query: true })
  async list(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { limit, cursor, ...filter } = queryOf(request, listDiscrepanciesQuery);
    const list = { name: 'discrepancies', filter };
    const page = await this.reconciliation.discrepancies(
      filter,
      pageRequestOf(this.cursors, list, { limit, cursor }),
    );
    sendJson(reply, 200, presentPage(this.cursors, list, page, presentDiscrepancy));
  }

  @Post(':id/resolve')
  @Call({ scopes: ['admin'] })
  async resolve(
    @Param('id') discrepancyId: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { action, reason } = bodyOf(request, resolveBody);
    await this.idempotent.answer(request, reply, async (operation) => {
      if (!isUuid(discrepancyId)) return unknownDiscrepancy;
      const actor = request.apiKey!.id;
      const outcome = await this.reconciliation.resolve({ discrepancyId, action, actor, reason });
      return this.conclude(operation, presentResolveOutcome(outcome));
    });
  }
}
