/**
 * The HTTP server beneath Nest: Fastify with our own JSON reader, API keys checked before a body is read, strict queries, and
 * problem documents for everything that goes wrong, wherever it does.
 */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { FastifyAdapter, RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { assert } from '#domain';
import type { ApiKey, Scope } from '../config/api-keys.js';
import type { Logger } from '../logging/logger.js';
import type { Metrics } from '../metrics/metrics.js';
import type { Clock } from '../ports.js';
import { AllowedMethods } from './allowed-methods.js';
import { Authenticator } from './authenticator.js';
import { answerClientError, refuseExpectation } from './client-error.js';
import { parseJsonBody } from './json-body.js';
import { Problem } from './problem.js';
import { ProblemFilter } from './problem-filter.js';
import { parseQueryString, unreadableQuery } from './query-string.js';
import { shedLoad } from './shed-load.js';

export type CallOptions = {
  /** Any one of these is enough. */
  readonly scopes: readonly Scope[];
  /** The call reads query parameters; else any is refused. */
  readonly query?: boolean;
  /** The caller authenticates by signing the body, which is left unparsed; it has no API key. */
  readonly signed?: boolean;
  /** The body is streamed, whatever its type; the call sets its own limits. */
  readonly upload?: boolean;
  /** The answer continues until the caller leaves, so its duration is not measured. */
  readonly stream?: boolean;
};

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly scopes?: readonly Scope[];
    readonly query?: boolean;
    readonly signed?: boolean;
    readonly stream?: boolean;
    readonly upload?: boolean;
  }
  interface FastifyRequest {
    /** The body as it was sent; null: none. */
    rawBody: Buffer | null;
    /** Who calls; null outside /v1. */
    apiKey: ApiKey | null;
  }
}

/** What a call requires of its caller. Every route under /v1 has to declare it, or the service does not start. */
export const Call = (options: CallOptions) => RouteConfig(options);

export type HttpServerOptions = {
  readonly apiKeys: readonly ApiKey[];
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly bodyBytesMax: number;
  /** Calls under /v1 that are worked on at once; further ones are told to retry. */
  readonly callsInFlightMax: number;
  /** How long a request may take to arrive. */
  readonly requestTimeoutMs?: number;
  /** How long nothing may move on a connection while its answer is waited for, or is not taken. */
  readonly silenceMsMax?: number;
  /** More are closed as they come. */
  readonly connectionsMax?: number;
};

export type HttpServer = { readonly adapter: FastifyAdapter; readonly filter: ProblemFilter };

const requestTimeoutMsDefault = 30_000;
/** Longer than any answer takes to make: an answer that nobody takes is memory, and counts as a call in flight. */
const silenceMsMaxDefault = 300_000;
/** Streams and calls in flight, and as many again who are slow: a body that is arriving takes up to 64 KiB of memory. */
const connectionsMaxDefault = 16_384;
/** How often connections are checked for being too slow. */
const slownessCheckMs = 5_000;
/** Longer than any header block that Node takes: a long id is an unknown id, not another kind of error. */
const paramLengthMax = 32_768;

/** The adapter to build the Nest application on, and the filter to give it. Build it with `bodyParser: false`. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const allowed = new AllowedMethods();
  const filter = new ProblemFilter(options.logger, allowed);
  const { requestTimeoutMs = requestTimeoutMsDefault, silenceMsMax = silenceMsMaxDefault } = options;
  const adapter = new FastifyAdapter({
    http: {
      headersTimeout: requestTimeoutMs,
      // Node would refuse a request without Host with no explanation.
      requireHostHeader: false,
      connectionsCheckingInterval: Math.min(slownessCheckMs, requestTimeoutMs),
    },
    bodyLimit: options.bodyBytesMax,
    routerOptions: { maxParamLength: paramLengthMax, querystringParser: parseQueryString },
    requestTimeout: requestTimeoutMs,
    connectionTimeout: silenceMsMax,
    return503OnClosing: false,
    skipMiddie: true,
    clientErrorHandler: answerClientError,
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) =>
      filter.answer(error, request, reply),
  });
  const fastify = adapter.getInstance<FastifyInstance>();
  fastify.server.on('checkExpectation', refuseExpectation);
  // A caller who has said all that he has to say still listens; his connection ends with the answer.
  Object.assign(fastify.server, { httpAllowHalfOpen: true });
  fastify.server.maxConnections = options.connectionsMax ?? connectionsMaxDefault;
  fastify.decorateRequest('rawBody', null);
  fastify.decorateRequest('apiKey', null);
  fastify.addHook('onRoute', ({ url, method, config }) => {
    assert(!url.startsWith('/v1/') || config?.scopes !== undefined, 'a call without scopes', { url });
    allowed.add(url, [method].flat());
  });
  readJson(fastify);
  passUploads(fastify);
  shedLoad(fastify, options.callsInFlightMax, options.metrics);
  checkRequests(fastify, new Authenticator(options.apiKeys, options.clock));
  measureRequests(fastify, options);
  return { adapter, filter };
}

function readJson(fastify: FastifyInstance): void {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    const bytes = body as Buffer;
    request.rawBody = bytes;
    try {
      if (bytes.length === 0 || request.routeOptions.config.signed === true) return done(null, undefined);
      refuseEncodings(request);
      done(null, parseJsonBody(bytes));
    } catch (error) {
      done(error as Error);
    }
  });
}

/** A body that is not JSON belongs to a call that streams it, or to none. */
function passUploads(fastify: FastifyInstance): void {
  fastify.addContentTypeParser('*', (request, payload, done) => {
    if (request.routeOptions.config.upload === true) done(null, payload);
    else done(new Problem('unsupported-media-type', 'Send a body with Content-Type: application/json'));
  });
}

function refuseEncodings(request: FastifyRequest): void {
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(request.headers['content-type'] ?? '')?.[1];
  if (charset !== undefined && !/^utf-?8$/i.test(charset)) {
    throw new Problem('unsupported-media-type', 'JSON is sent as UTF-8');
  }
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new Problem('unsupported-media-type', 'Bodies are sent without a content coding');
  }
}

function checkRequests(fastify: FastifyInstance, authenticator: Authenticator): void {
  fastify.addHook('onRequest', (request, _reply, done) => {
    try {
      requireOneHost(request.raw);
      const { config } = request.routeOptions;
      forgetTypeOfNothing(request.headers);
      if (config.scopes !== undefined && config.signed !== true) {
        request.apiKey = authorised(authenticator.authenticate(request.headers.authorization), config.scopes);
      }
      lowerCaseId(request.params as { id?: string });
      if (request.url.includes('?'))
        checkQuery(request, config.query === true || config.scopes === undefined);
      done();
    } catch (error) {
      done(error as Error);
    }
  });
}

/** HTTP/1.0 has none. Of two, whoever passed the request on may have gone by the other (RFC 9112, 3.2). */
function requireOneHost({ rawHeaders, httpVersion }: IncomingMessage): void {
  let hosts = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!;
    if (name.length === 4 && name.toLowerCase() === 'host') hosts += 1;
  }
  if (hosts === 1 || (hosts === 0 && httpVersion !== '1.1')) return;
  throw new Problem('bad-request', 'An HTTP/1.1 request names its Host, once', {}, { connection: 'close' });
}

/** Without a body the content type means nothing, yet many clients send one: `curl -d ''` that of a form. */
function forgetTypeOfNothing(headers: IncomingHttpHeaders): void {
  const { 'content-length': length = '0', 'content-type': type } = headers;
  if (length !== '0' || type === undefined || headers['transfer-encoding'] !== undefined) return;
  if (!/^application\/json *(;|$)/i.test(type)) delete headers['content-type'];
}

/** UUIDs are case-insensitive (RFC 9562), but everything behind this compares text. */
function lowerCaseId(params: { id?: string }): void {
  if (params.id !== undefined) params.id = params.id.toLowerCase();
}

function authorised(key: ApiKey | undefined, scopes: readonly Scope[]): ApiKey {
  if (key === undefined) {
    throw new Problem(
      'unauthenticated',
      'Send a known API key: Authorization: Bearer <api key>',
      {},
      {
        'www-authenticate': 'Bearer realm="holdfast"',
      },
    );
  }
  if (!scopes.some((scope) => key.scopes.has(scope))) {
    throw new Problem('insufficient-scope', `This call needs the scope ${scopes.join(' or ')}`, {
      scopes,
    });
  }
  return key;
}

function checkQuery(request: FastifyRequest, wanted: boolean): void {
  if (request.query === unreadableQuery) throw new Problem('invalid-url', 'The query cannot be decoded');
  const names = Object.keys(request.query as object);
  if (wanted || names.length === 0) return;
  throw new Problem('invalid-request', 'This call takes no query parameters', {
    errors: names
      .slice(0, 20)
      .map((path) => ({ path: path.slice(0, 200).toWellFormed(), message: 'Unknown parameter' })),
  });
}

function measureRequests(fastify: FastifyInstance, { metrics, logger }: HttpServerOptions): void {
  const byLabels = new Map<string, { observe(seconds: number): void }>();
  const durationOf = (request: FastifyRequest, reply: FastifyReply) => {
    const route = request.routeOptions.url ?? 'none';
    const method = route === 'none' ? 'any' : request.method;
    const labels = `${method} ${reply.statusCode} ${route}`;
    let duration = byLabels.get(labels);
    if (duration === undefined) {
      duration = metrics.httpDuration.labels({ method, route, status: String(reply.statusCode) });
      byLabels.set(labels, duration);
    }
    return duration;
  };
  fastify.addHook('onResponse', (request, reply, done) => {
    if (request.routeOptions.config.stream !== true) {
      durationOf(request, reply).observe(reply.elapsedTime / 1_000);
    }
    if (logger.isLevelEnabled('debug')) {
      const { method } = request;
      const ms = Math.round(reply.elapsedTime * 1_000) / 1_000;
      logger.debug({ method, route: request.routeOptions.url, status: reply.statusCode, ms }, 'answered');
    }
    done();
  });
}
