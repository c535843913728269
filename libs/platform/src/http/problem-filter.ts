/**
 * Everything that ends a request early, as a problem document: our own problems, unavailable servers, Fastify's and Nest's
 * refusals, and bugs, whose details go to the log and not to the caller.
 */
import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ProblemSlug } from '#contracts';
import { UnavailableError } from '#domain';
import type { Logger } from '../logging/logger.js';
import type { AllowedMethods } from './allowed-methods.js';
import { Problem } from './problem.js';
import { sendProblem } from './reply.js';

const retryAfterSeconds = '1';

const slugOfStatus: Readonly<Record<number, ProblemSlug>> = {
  400: 'bad-request',
  404: 'not-found',
  408: 'request-timeout',
  413: 'body-too-large',
  414: 'uri-too-long',
  415: 'unsupported-media-type',
  431: 'headers-too-large',
};

@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    private readonly logger: Logger,
    private readonly allowed: AllowedMethods,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    this.answer(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }

  /** Answers a request that `error` has ended. */
  answer(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    if (reply.sent) return;
    // An unreadable request has no route either, but whatever its path looks like, the method is not what is wrong.
    if (request.is404 && !isUnreadable(error)) {
      this.answerUnrouted(request, reply);
      return;
    }
    const problem = problemFrom(error);
    if (problem.status >= 500) this.report(error, problem, request);
    sendProblem(reply, problem);
  }

  private answerUnrouted(request: FastifyRequest, reply: FastifyReply): void {
    const path = request.url.split('?', 1)[0]!;
    const methods = this.allowed.of(path);
    if (methods.length === 0) {
      sendProblem(reply, new Problem('not-found', 'Nothing is served under this path'));
      return;
    }
    const allow = [...methods, 'OPTIONS'].join(', ');
    if (request.method === 'OPTIONS') {
      void reply.code(204).header('allow', allow).send();
      return;
    }
    sendProblem(reply, new Problem('method-not-allowed', `This path allows ${allow}`, {}, { allow }));
  }

  private report(error: unknown, problem: Problem, request: FastifyRequest): void {
    const facts = { err: error, route: request.routeOptions?.url, method: request.method };
    // An unavailable server is logged once, where that is noticed; here it would be a line per request of a sale. A problem is
    // an intended answer.
    if (error instanceof UnavailableError || error instanceof Problem)
      this.logger.debug(facts, problem.message);
    else this.logger.error(facts, 'request failed');
  }
}

function problemFrom(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof UnavailableError) {
    return new Problem(
      error.code,
      'Nothing was acknowledged; the same request may be sent again',
      {},
      {
        'retry-after': retryAfterSeconds,
      },
    );
  }
  if (isUndecodable(error)) return new Problem('invalid-url', 'The path cannot be decoded');
  // The caller left in the middle of the body: nobody reads the answer, and nothing is wrong on our side.
  if (codeOf(error) === 'ECONNRESET') return new Problem('bad-request', 'The request was cut off');
  const status = error instanceof HttpException ? error.getStatus() : statusOf(error);
  if (status === undefined || status >= 500) {
    return new Problem('internal', 'The request could not be finished; the log says why');
  }
  return new Problem(slugOfStatus[status] ?? 'bad-request', (error as Error).message);
}

function isUnreadable(error: unknown): boolean {
  return isUndecodable(error) || (error instanceof Problem && error.slug === 'bad-request');
}

function isUndecodable(error: unknown): boolean {
  return codeOf(error) === 'FST_ERR_BAD_URL';
}

function statusOf(error: unknown): number | undefined {
  const isFastifyError = error instanceof Error && error.name === 'FastifyError';
  return isFastifyError ? (error as Error & { statusCode?: number }).statusCode : undefined;
}

/** The code of a Fastify error, also when Nest has wrapped it. */
function codeOf(error: unknown): unknown {
  const origin = error instanceof HttpException ? error.cause : error;
  return (origin as { code?: unknown } | undefined)?.code;
}
