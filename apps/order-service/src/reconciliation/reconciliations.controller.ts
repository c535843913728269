/** Reconciliations over HTTP: asked for, handed in as a file, looked at. Admins only. */
import { Controller, Get, Inject, Param, Post, Req, Res } from '@nestjs/common';
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  fileRunQuery,
  isUuid,
  listDiscrepanciesQuery,
  listRunsQuery,
  reportQuery,
  requestRunBody,
} from '#contracts';
import { Call, Cursors, Problem, requireIdempotencyKey, sendJson } from '#platform';
import { htmlOf, type ReconciliationUseCases, type Run } from '#reconciliation';
import { KeyReused, type Answer, type Operation } from '#reservations';
import { jsonAnswer } from '../http/answers.js';
import { Idempotent } from '../http/idempotent.js';
import { pageRequestOf, presentPage } from '../http/pagination.js';
import { jsonOfReport, presentDiscrepancy, presentRun, unknownRun } from './reconciliation.presenter.js';
import { bodyOf, queryOf } from '../http/request.js';
import type { Services } from '../services.js';
import { CONCLUDE, RECONCILIATION } from '../tokens.js';
import { spoolUpload } from './upload.js';

@Controller('v1/reconciliations')
export class ReconciliationsController {
  constructor(
    @Inject(RECONCILIATION) private readonly reconciliation: ReconciliationUseCases,
    @Inject(CONCLUDE) private readonly conclude: Services['conclude'],
    @Inject(Idempotent) private readonly idempotent: Idempotent,
    @Inject(Cursors) private readonly cursors: Cursors,
  ) {}

  @Post()
  @Call({ scopes: ['admin'] })
  async request(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { provider, mode, from, to } = bodyOf(request, requestRunBody);
    const msOf = (text: string | undefined) => (text === undefined ? null : Date.parse(text));
    const range = { fromMs: msOf(from), untilMs: msOf(to) };
    if (range.fromMs !== null && range.untilMs !== null && range.fromMs >= range.untilMs)
      throw invalid('body', 'to', 'Later than from');
    await this.idempotent.answer(request, reply, async (operation) => {
      const outcome = await this.reconciliation.request({
        id: operation.id,
        provider,
        dry: mode === 'dry-run',
        ...range,
        requestedBy: request.apiKey!.id,
      });
      if (outcome.kind === 'unknown-provider') {
        const known =
          outcome.known.length === 0 ? 'none is configured' : `known are ${outcome.known.join(', ')}`;
        throw invalid('body', 'provider', `There is no provider ${provider}: ${known}`);
      }
      const { run } = outcome;
      const asked = { dry: mode === 'dry-run', ...range, format: null };
      if (run.account.provider !== provider || !isAsAsked(run, asked)) throw new KeyReused();
      return this.accepted(operation, run);
    });
  }

  /** The body is the file. It is kept aside as it arrives, and read when it is whole. */
  @Post('files')
  @Call({ scopes: ['admin'], query: true, upload: true })
  async takeFile(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { format, mode = 'commit', file = null } = queryOf(request, fileRunQuery);
    requireIdempotencyKey(request.headers['idempotency-key']);
    const upload = await spoolUpload(request.body);
    // What is asked for is said in the query here, so a key that comes again with another one is another request's.
    request.rawBody = Buffer.concat([upload.digest, Buffer.from(JSON.stringify([format, mode, file]))]);
    let handedOver = false;
    try {
      await this.idempotent.answer(request, reply, async (operation) => {
        handedOver = true;
        const run = await this.reconciliation.takeFile({
          id: operation.id,
          format,
          file,
          dry: mode === 'dry-run',
          requestedBy: request.apiKey!.id,
          open: upload.open,
          done: upload.remove,
        });
        if (!isAsAsked(run, { dry: mode === 'dry-run', fromMs: null, untilMs: null, format }))
          throw new KeyReused();
        return this.accepted(operation, run);
      });
    } finally {
      if (!handedOver) await upload.remove();
    }
  }

  @Get()
  @Call({ scopes: ['admin'], query: true })
  async list(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const query = queryOf(request, listRunsQuery);
    const list = { name: 'reconciliations', filter: {} };
    const page = await this.reconciliation.list(pageRequestOf(this.cursors, list, query));
    sendJson(reply, 200, presentPage(this.cursors, list, page, presentRun));
  }

  @Get(':id')
  @Call({ scopes: ['admin'] })
  async read(@Param('id') id: string, @Res() reply: FastifyReply): Promise<void> {
    const run = await this.find(id);
    if (run) sendJson(reply, 200, JSON.stringify(presentRun(run)));
    else sendJson(reply, unknownRun.status, unknownRun.body);
  }

  @Get(':id/discrepancies')
  @Call({ scopes: ['admin'], query: true })
  async discrepancies(
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { limit, cursor, ...filter } = queryOf(request, listDiscrepanciesQuery);
    const run = await this.find(id);
    if (!run) return sendJson(reply, unknownRun.status, unknownRun.body);
    const list = { name: `discrepancies of ${id}`, filter };
    const asked = pageRequestOf(this.cursors, list, { limit, cursor });
    const page = await this.reconciliation.discrepancies({ runId: id, ...filter }, asked);
    sendJson(reply, 200, presentPage(this.cursors, list, page, presentDiscrepancy));
  }

  @Get(':id/report')
  @Call({ scopes: ['admin'], query: true })
  async report(
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { format = 'json' } = queryOf(request, reportQuery);
    const run = await this.find(id);
    const report = run && format !== 'csv' ? await this.reconciliation.report(id) : undefined;
    if (!run || (format !== 'csv' && !report)) return sendJson(reply, unknownRun.status, unknownRun.body);
    if (format === 'csv') {
      void reply
        .header('content-type', 'text/csv; charset=utf-8')
        .header('content-disposition', `attachment; filename="reconciliation-${id}.csv"`)
        .send(Readable.from(this.reconciliation.csv(id)));
    } else if (format === 'html') {
      // It holds nothing but its own style: whatever a provider's text might smuggle in, the browser does not run.
      void reply
        .header('content-type', 'text/html; charset=utf-8')
        .header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'")
        .send(htmlOf(report!));
    } else {
      void reply
        .header('content-type', 'application/json; charset=utf-8')
        .send(Readable.from(jsonOfReport(report!, this.reconciliation.rows(id))));
    }
  }

  private async find(id: string): Promise<Run | undefined> {
    return isUuid(id) ? this.reconciliation.find(id) : undefined;
  }

  private accepted(operation: Operation, { id, status }: Run): Promise<Answer> {
    return this.conclude(operation, jsonAnswer(202, { id, status }));
  }
}

/** A run's id follows from the key, which may have been forgotten since, and comes again with another request. */
function isAsAsked(run: Run, asked: Pick<Run, 'dry' | 'fromMs' | 'untilMs' | 'format'>): boolean {
  return (
    run.dry === asked.dry &&
    run.fromMs === asked.fromMs &&
    run.untilMs === asked.untilMs &&
    run.format === asked.format
  );
}

function invalid(what: string, path: string, message: string): Problem {
  return new Problem('invalid-request', `The ${what} is not valid`, {
    errors: [{ path, message }],
  });
}
