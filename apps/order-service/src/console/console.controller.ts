/** What the console asks besides the API: which keys it may offer, and whose key it was given. */
import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Call, sendJson } from '#platform';
import { CONSOLE_SETTINGS } from '../tokens.js';

export type ConsoleSettings = {
  /** The development keys, where the service accepts them. */
  readonly developmentKeys: readonly string[];
};

@Controller('console')
export class ConsoleController {
  constructor(@Inject(CONSOLE_SETTINGS) private readonly settings: ConsoleSettings) {}

  @Get('settings')
  read(@Res() reply: FastifyReply): void {
    send(reply, this.settings);
  }

  /** The name and the scopes of the key that asks. */
  @Get('session')
  @Call({ scopes: ['storefront', 'admin'] })
  identify(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    const { id, scopes } = request.apiKey!;
    send(reply, { name: id, scopes: [...scopes] });
  }
}

function send(reply: FastifyReply, body: unknown): void {
  void reply.header('cache-control', 'no-store');
  sendJson(reply, 200, JSON.stringify(body));
}
