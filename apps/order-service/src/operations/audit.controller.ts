/** The invariants, checked on demand. */
import { Controller, Get, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { WireInvariantsReport } from '#contracts';
import { Call, sendJson } from '#platform';
import type { AuditUseCases } from '#reservations';
import { AUDIT } from '../tokens.js';

@Controller('v1/audit')
export class AuditController {
  constructor(@Inject(AUDIT) private readonly audit: AuditUseCases) {}

  @Get('invariants')
  @Call({ scopes: ['admin'] })
  async invariants(@Res() reply: FastifyReply): Promise<void> {
    const reports = await this.audit.check();
    const body: WireInvariantsReport = {
      ok: reports.every(({ ok }) => ok),
      invariants: reports.map(({ id, ok, detail }) => ({ id, ok, detail })),
    };
    sendJson(reply, 200, JSON.stringify(body));
  }
}
