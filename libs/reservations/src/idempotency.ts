/**
 * One request, one answer: a key is claimed in the ledger before any work, and the work records its answer there in
 * the transaction that makes it final. Two at once in this process share one attempt.
 */
import { UnavailableError } from '#domain';
import type { Claim, ClaimRequest, Known } from '#ledger';
import { Batcher, uuidOf } from '#platform';
import { isKept } from './finality.js';
import type { Parts } from './ports.js';
import type { Answer, IdempotencyUseCases, IdempotentResult, Operation } from './use-cases.js';

type AttemptResult = { answer?: Answer; replayed: boolean; otherwise?: IdempotentResult };
type Attempt = { readonly fingerprint: Buffer; readonly answer: Promise<Answer> };

export class Idempotency implements IdempotencyUseCases {
  private readonly attempts = new Map<string, Attempt>();
  private readonly claims: Batcher<ClaimRequest, Claim>;
  private readonly refusals: Batcher<ClaimRequest & Answer, Known | null>;

  constructor(private readonly parts: Pick<Parts, 'idempotency' | 'timers'>) {
    const { idempotency, timers } = parts;
    const options = { timers, batchSizeMax: 512, inFlightMax: 2, waitingMax: 10_000 };
    this.claims = new Batcher(options, (requests) => idempotency.claim(requests));
    this.refusals = new Batcher(options, (requests) => idempotency.answer(requests));
  }

  async once(
    request: ClaimRequest,
    work: (operation: Operation) => Promise<Answer>,
    refuse?: () => Answer | undefined,
  ): Promise<IdempotentResult> {
    const key = request.keyDigest.toString('base64');
    const running = this.attempts.get(key);
    if (running) return this.join(running, request);
    const answer = this.attempt(request, work, refuse);
    const settled = answer.then((result) => result.answer ?? Promise.reject(new NoAnswer(result.otherwise!)));
    // Whoever joins hears of a failure; when nobody does, it is not unheard of: `answer` is awaited below.
    settled.catch(() => undefined);
    this.attempts.set(key, { fingerprint: request.fingerprint, answer: settled });
    try {
      const result = await answer;
      return result.answer
        ? { kind: 'answered', answer: result.answer, replayed: result.replayed }
        : result.otherwise!;
    } finally {
      this.attempts.delete(key);
    }
  }

  private async join(running: Attempt, request: ClaimRequest): Promise<IdempotentResult> {
    if (!running.fingerprint.equals(request.fingerprint)) return { kind: 'reused' };
    try {
      const answer = await running.answer;
      return { kind: 'answered', answer, replayed: isKept(answer.status) };
    } catch (error) {
      if (error instanceof NoAnswer) return error.result;
      throw error;
    }
  }

  private async attempt(
    request: ClaimRequest,
    work: (operation: Operation) => Promise<Answer>,
    refuse?: () => Answer | undefined,
  ): Promise<AttemptResult> {
    return (await this.refuseAtOnce(request, refuse?.())) ?? (await this.claimAndWork(request, work));
  }

  /** Undefined: there is work to do after all. */
  private async refuseAtOnce(
    request: ClaimRequest,
    refusal: Answer | undefined,
  ): Promise<AttemptResult | undefined> {
    if (!refusal) return undefined;
    const known = await this.refusals.call({ ...request, ...refusal });
    // An earlier attempt is under way, or was given up: it may have done what this refusal knows nothing of.
    if (!known) return undefined;
    if (known.kind === 'reused') return { otherwise: known, replayed: false };
    return { answer: { status: known.status, body: known.body }, replayed: known.kind === 'answered' };
  }

  private async claimAndWork(
    request: ClaimRequest,
    work: (operation: Operation) => Promise<Answer>,
  ): Promise<AttemptResult> {
    const { keyDigest } = request;
    const claim = await this.claims.call(request);
    if (claim.kind === 'answered') {
      return { answer: { status: claim.status, body: claim.body }, replayed: true };
    }
    if (claim.kind !== 'claimed') return { replayed: false, otherwise: claim };
    try {
      // The key determines the id, so that every attempt works under the same one.
      const answer = await work({ id: uuidOf(keyDigest), repeated: claim.repeated, request });
      if (!isKept(answer.status)) await this.abandon(keyDigest, true);
      return { answer, replayed: false };
    } catch (error) {
      const certain = error instanceof UnavailableError && !error.outcomeUnknown && !claim.repeated;
      await this.abandon(keyDigest, certain);
      throw error;
    }
  }

  /** When the ledger cannot be told, the claim's lease runs out by itself. */
  private async abandon(keyDigest: Buffer, certain: boolean): Promise<void> {
    await this.parts.idempotency.abandon(keyDigest, certain).catch(() => undefined);
  }
}

class NoAnswer extends Error {
  constructor(readonly result: IdempotentResult) {
    super(result.kind);
  }
}
