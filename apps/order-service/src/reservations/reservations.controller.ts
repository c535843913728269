/** Reservations over HTTP, but for the call that makes one: reserve.route.ts. */
import { Controller, Get, Inject, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { confirmBody, emptyBody, extendBody, isUuid, listReservationsQuery, payBody } from '#contracts';
import { Call, Cursors, sendJson } from '#platform';
import type { Answer, Operation, PaymentUseCases, ReservationUseCases } from '#reservations';
import { Idempotent } from '../http/idempotent.js';
import { pageRequestOf, presentPage } from '../http/pagination.js';
import { bodyOf, optionalBodyOf, queryOf } from '../http/request.js';
import {
  presentConfirm,
  presentPay,
  presentReservation,
  presentReservationOutcome,
  unknownReservation,
} from './reservation.presenter.js';
import { PAYMENTS, RESERVATIONS } from '../tokens.js';

const storefront = Call({ scopes: ['storefront'] });

@Controller('v1/reservations')
export class ReservationsController {
  constructor(
    @Inject(RESERVATIONS) private readonly reservations: ReservationUseCases,
    @Inject(PAYMENTS) private readonly payments: PaymentUseCases,
    @Inject(Idempotent) private readonly idempotent: Idempotent,
    @Inject(Cursors) private readonly cursors: Cursors,
  ) {}

  @Get()
  @Call({ scopes: ['storefront'], query: true })
  async list(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { limit, cursor, ...filter } = queryOf(request, listReservationsQuery);
    const list = { name: 'reservations', filter };
    const page = await this.reservations.list(filter, pageRequestOf(this.cursors, list, { limit, cursor }));
    sendJson(reply, 200, presentPage(this.cursors, list, page, presentReservation));
  }

  @Get(':id')
  @storefront
  async read(@Param('id') id: string, @Res() reply: FastifyReply): Promise<void> {
    const reservation = isUuid(id) ? await this.reservations.find(id) : undefined;
    if (reservation) sendJson(reply, 200, JSON.stringify(presentReservation(reservation)));
    else send(reply, unknownReservation);
  }

  @Post(':id/extend')
  @storefront
  async extend(
    @Param('id') reservationId: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { ttlSeconds } = bodyOf(request, extendBody);
    await this.change(reservationId, request, reply, (operation) =>
      this.reservations.extend(operation, { reservationId, ttlSeconds }, presentReservationOutcome),
    );
  }

  @Post(':id/release')
  @storefront
  async release(
    @Param('id') reservationId: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    optionalBodyOf(request, emptyBody);
    await this.change(reservationId, request, reply, (operation) =>
      this.reservations.release(operation, { reservationId }, presentReservationOutcome),
    );
  }

  @Post(':id/pay')
  @storefront
  async pay(
    @Param('id') reservationId: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const command = { reservationId, ...bodyOf(request, payBody) };
    await this.change(reservationId, request, reply, (operation) =>
      this.payments.pay(operation, command, presentPay),
    );
  }

  @Post(':id/confirm')
  @storefront
  async confirm(
    @Param('id') reservationId: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { paymentId = null } = optionalBodyOf(request, confirmBody);
    await this.change(reservationId, request, reply, (operation) =>
      this.reservations.confirm(operation, { reservationId, paymentId }, presentConfirm),
    );
  }

  /** An id of another shape was never given out: unknown, without asking. */
  private async change(
    reservationId: string,
    request: FastifyRequest,
    reply: FastifyReply,
    work: (operation: Operation) => Promise<Answer>,
  ): Promise<void> {
    await this.idempotent.answer(
      request,
      reply,
      isUuid(reservationId) ? work : async () => unknownReservation,
    );
  }
}

function send(reply: FastifyReply, { status, body }: Answer): void {
  sendJson(reply, status, body);
}
