/** Payments over HTTP: read with `admin`, told about by their providers. */
import { Controller, Get, Inject, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isUuid, listPaymentsQuery } from '#contracts';
import { Call, Cursors, Problem, sendJson } from '#platform';
import type { PaymentUseCases, WebhookOutcome } from '#reservations';
import { pageRequestOf, presentPage } from '../http/pagination.js';
import { presentPayment, unknownPayment } from './payment.presenter.js';
import { queryOf } from '../http/request.js';
import { PAYMENTS } from '../tokens.js';

/** The name of the list that cursors belong to. Those of `payments`, which counted milliseconds, are another list's. */
const listName = 'payments to the microsecond';

@Controller('v1/payments')
export class PaymentsController {
  constructor(
    @Inject(PAYMENTS) private readonly payments: PaymentUseCases,
    @Inject(Cursors) private readonly cursors: Cursors,
  ) {}

  @Get()
  @Call({ scopes: ['admin'], query: true })
  async list(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { limit, cursor, ...filter } = queryOf(request, listPaymentsQuery);
    const list = { name: listName, filter };
    const page = await this.payments.list(filter, pageRequestOf(this.cursors, list, { limit, cursor }));
    sendJson(reply, 200, presentPage(this.cursors, list, page, presentPayment));
  }

  @Get(':id')
  @Call({ scopes: ['admin'] })
  async read(@Param('id') id: string, @Res() reply: FastifyReply): Promise<void> {
    const payment = isUuid(id) ? await this.payments.find(id) : undefined;
    if (payment) sendJson(reply, 200, JSON.stringify(presentPayment(payment)));
    else sendJson(reply, unknownPayment.status, unknownPayment.body);
  }

  /** Answered once the event is in the ledger, whether it is new or known. */
  @Post('webhooks/:provider')
  @Call({ scopes: [], signed: true })
  async receive(
    @Param('provider') provider: string,
    @Req() { headers, rawBody }: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const webhook = { provider, headers, rawBody: rawBody ?? Buffer.alloc(0) };
    refuse(await this.payments.receive(webhook));
    void reply.code(204).send();
  }
}

/** A caller who cannot prove to be the provider learns nothing about which providers there are. */
function refuse(outcome: WebhookOutcome): void {
  switch (outcome) {
    case 'taken':
      return;
    case 'forged':
    case 'unknown-provider':
      throw new Problem('invalid-signature', 'The signature is not that of a payment provider known here');
    case 'stale':
      throw new Problem(
        'invalid-signature',
        'The message was signed too long ago, or the clocks are too far apart',
      );
    case 'unreadable':
      throw new Problem('bad-request', 'The message is signed, but does not have the agreed form');
  }
}
