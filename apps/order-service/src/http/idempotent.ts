/**
 * A mutating request under its Idempotency-Key: claimed before the work, answered with the recorded bytes.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { assert } from '#domain';
import { callPathOf, fingerprintOf, keyDigestOf, Problem, requireIdempotencyKey, sendJson } from '#platform';
import type { Answer, IdempotencyUseCases, OnceOptions, Operation } from '#reservations';

export class Idempotent {
  constructor(private readonly idempotency: IdempotencyUseCases) {}

  /**
   * Does the work once per key, and answers. Call it once the request is known to be well-formed.
   * @param more.headersOf header fields derived from the answer, so that a replay has them too.
   * @returns whether it was the answer to an earlier request.
   * @throws Problem for a key that is missing, malformed, in use or spent on another body.
   */
  async answer(
    request: FastifyRequest,
    reply: FastifyReply,
    work: (operation: Operation) => Promise<Answer>,
    more: OnceOptions & { readonly headersOf?: (answer: Answer) => Readonly<Record<string, string>> } = {},
  ): Promise<{ readonly replayed: boolean }> {
    const key = requireIdempotencyKey(request.headers['idempotency-key']);
    assert(request.apiKey, 'a call under an Idempotency-Key without an API key', { url: request.url });
    const keyDigest = keyDigestOf({
      apiKeyId: request.apiKey.id,
      method: request.method,
      path: callPathOf(request),
      key,
    });
    const result = await this.idempotency.once(
      { keyDigest, fingerprint: fingerprintOf(request.rawBody) },
      work,
      more,
    );
    if (result.kind === 'in-progress') throw inProgress();
    if (result.kind === 'reused') throw reused();
    if (result.replayed) void reply.header('idempotent-replayed', 'true');
    if (more.headersOf) void reply.headers(more.headersOf(result.answer));
    sendJson(reply, result.answer.status, result.answer.body);
    return { replayed: result.replayed };
  }

  /** For work without a transaction of its own in the ledger: records its answer there, then returns it. */
  keep(operation: Operation, answer: Answer): Promise<Answer> {
    return this.idempotency.keep(operation, answer);
  }
}

function inProgress(): Problem {
  const detail = 'The first request with this key has not been answered yet; send this one again';
  return new Problem('idempotency-in-progress', detail, {}, { 'retry-after': '1' });
}

function reused(): Problem {
  return new Problem('idempotency-key-reused', 'This key was used with another body; use a new one');
}
