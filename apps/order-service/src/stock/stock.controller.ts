/** SKUs over HTTP: their levels, policies, adjustments, and the stream of their changes. */
import { Controller, Get, Inject, Param, Post, Put, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import {
  adjustBody,
  etagOf,
  isSku,
  listSkusQuery,
  parseIfMatch,
  putSkuBody,
  sku as skuSchema,
} from '#contracts';
import type { StockLevel } from '#domain';
import { Call, Cursors, Problem, sendJson, validate } from '#platform';
import type { StockUseCases } from '#reservations';
import { Idempotent } from '../http/idempotent.js';
import { pageRequestOf, presentPage } from '../http/pagination.js';
import { bodyOf, queryOf } from '../http/request.js';
import { etagHeadersOf, presentAdjust, presentStockLevel, unknownSku } from './stock.presenter.js';
import { StockEvents } from './stock-events.js';
import { STOCK } from '../tokens.js';

const either = Call({ scopes: ['storefront', 'admin'] });
const admin = Call({ scopes: ['admin'] });

@Controller('v1/skus')
export class StockController {
  constructor(
    @Inject(STOCK) private readonly stock: StockUseCases,
    @Inject(StockEvents) private readonly events: StockEvents,
    @Inject(Idempotent) private readonly idempotent: Idempotent,
    @Inject(Cursors) private readonly cursors: Cursors,
  ) {}

  @Get()
  @Call({ scopes: ['storefront', 'admin'], query: true })
  async list(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const query = queryOf(request, listSkusQuery);
    const list = { name: 'skus', filter: {} };
    const page = await this.stock.list(pageRequestOf(this.cursors, list, query));
    sendJson(reply, 200, presentPage(this.cursors, list, page, presentStockLevel));
  }

  @Put(':sku')
  @admin
  async put(
    @Param('sku') name: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { sku } = validate(pathOfSku, { sku: name }, 'path');
    const { onHand, buyerLimit, holdTtlSeconds } = bodyOf(request, putSkuBody);
    const { kind, level } = await this.stock.put({ sku, onHand, buyerLimit, holdTtlSeconds });
    sendLevel(reply, kind === 'created' ? 201 : 200, level);
  }

  @Get(':sku')
  @either
  async read(@Param('sku') sku: string, @Res() reply: FastifyReply): Promise<void> {
    const level = isSku(sku) ? await this.stock.find(sku) : undefined;
    if (level) sendLevel(reply, 200, level);
    else sendUnknown(reply, sku);
  }

  @Post(':sku/adjustments')
  @admin
  async adjust(
    @Param('sku') sku: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { delta, reason } = bodyOf(request, adjustBody);
    const expectedVersions = parseIfMatch(request.headers['if-match']);
    if (expectedVersions === 'invalid') {
      throw new Problem(
        'invalid-precondition',
        'If-Match must be the ETag of a level with its quotes, a list of them, or *',
      );
    }
    const work = isSku(sku)
      ? (operation: Parameters<StockUseCases['adjust']>[0]) =>
          this.stock.adjust(operation, { sku, delta, reason, expectedVersions }, presentAdjust)
      : async () => unknownSku(sku);
    await this.idempotent.answer(request, reply, work, { headersOf: etagHeadersOf });
  }

  @Get(':sku/events')
  @Call({ scopes: ['storefront', 'admin'], stream: true })
  async subscribe(
    @Param('sku') sku: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const level = isSku(sku) ? await this.stock.find(sku) : undefined;
    if (!level) {
      sendUnknown(reply, sku);
      return;
    }
    if (request.method === 'HEAD') {
      void reply.header('content-type', 'text/event-stream').send();
      return;
    }
    const lastEventId = request.headers['last-event-id'];
    this.events.admit();
    reply.hijack();
    this.events.subscribe(reply.raw, level, typeof lastEventId === 'string' ? lastEventId : undefined);
  }
}

const pathOfSku = z.strictObject({ sku: skuSchema });

function sendLevel(reply: FastifyReply, status: number, level: StockLevel): void {
  void reply.header('etag', etagOf(level.version));
  sendJson(reply, status, JSON.stringify(presentStockLevel(level)));
}

function sendUnknown(reply: FastifyReply, sku: string): void {
  const { status, body } = unknownSku(sku);
  sendJson(reply, status, body);
}
