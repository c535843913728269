/** Orders over HTTP: read with either scope, changed with `admin`. */
import { Controller, Get, Inject, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { emptyBody, isUuid, listOrdersQuery } from '#contracts';
import { Call, Cursors, sendJson } from '#platform';
import type { Answer, Operation, OrderUseCases } from '#reservations';
import { Idempotent } from '../http/idempotent.js';
import { presentOrder, presentOrderOutcome, unknownOrder } from './order.presenter.js';
import { pageRequestOf, presentPage } from '../http/pagination.js';
import { optionalBodyOf, queryOf } from '../http/request.js';
import { ORDERS } from '../tokens.js';

@Controller('v1/orders')
export class OrdersController {
  constructor(
    @Inject(ORDERS) private readonly orders: OrderUseCases,
    @Inject(Idempotent) private readonly idempotent: Idempotent,
    @Inject(Cursors) private readonly cursors: Cursors,
  ) {}

  @Get()
  @Call({ scopes: ['storefront', 'admin'], query: true })
  async list(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { limit, cursor, ...filter } = queryOf(request, listOrdersQuery);
    const list = { name: 'orders', filter };
    const page = await this.orders.list(filter, pageRequestOf(this.cursors, list, { limit, cursor }));
    sendJson(reply, 200, presentPage(this.cursors, list, page, presentOrder));
  }

  @Get(':id')
  @Call({ scopes: ['storefront', 'admin'] })
  async read(@Param('id') id: string, @Res() reply: FastifyReply): Promise<void> {
    const order = isUuid(id) ? await this.orders.find(id) : undefined;
    if (order) sendJson(reply, 200, JSON.stringify(presentOrder(order)));
    else sendJson(reply, unknownOrder.status, unknownOrder.body);
  }

  @Post(':id/fulfil')
  @Call({ scopes: ['admin'] })
  async fulfil(
    @Param('id') orderId: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.change(orderId, request, reply, (operation) =>
      this.orders.fulfil(operation, { orderId }, presentOrderOutcome),
    );
  }

  @Post(':id/cancel')
  @Call({ scopes: ['admin'] })
  async cancel(
    @Param('id') orderId: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.change(orderId, request, reply, (operation) =>
      this.orders.cancel(operation, { orderId }, presentOrderOutcome),
    );
  }

  private async change(
    orderId: string,
    request: FastifyRequest,
    reply: FastifyReply,
    work: (operation: Operation) => Promise<Answer>,
  ): Promise<void> {
    optionalBodyOf(request, emptyBody);
    await this.idempotent.answer(request, reply, isUuid(orderId) ? work : async () => unknownOrder);
  }
}
