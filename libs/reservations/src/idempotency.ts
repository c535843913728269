/**
 * One request, one answer. A key is claimed in the ledger before any work, and the work records its answer there in
 * the transaction that makes it final. Work that the stock store decides once by its id goes without the claim: it
 * looks whether the key has been answered, and its own answer counts unless another one was recorded first. Two at
 * once in this process share one attempt.
 */
import { UnavailableError } from '#domain';
import type { Claim, ClaimRequest, Known, Look } from '#ledger';
import { Batcher, uuidOf } from '#platform';
import { Finality, isKept, KeyReused } from './finality.js';
import type { Parts } from './ports.js';
import type { Answer, IdempotencyUseCases, IdempotentResult, OnceOptions, Operation } from './use-cases.js';

type AttemptResult = { answer?: Answer; replayed: boolean; otherwise?: IdempotentResult };
type Work = (operation: Operation) => Promise<Answer>;
type Attempt = { readonly fingerprint: Buffer; readonly answer: Promise<Answer> };

export class Idempotency implements IdempotencyUseCases {
  private readonly attempts = new Map<string, Attempt>();
  private readonly claims: Batcher<ClaimRequest, Claim>;
  private readonly looks: Batcher<ClaimRequest & { readonly id: string }, Look>;
  private readonly refusals: Batcher<ClaimRequest & Answer, Known | null>;

  private readonly finality: Finality;

  constructor(private readonly parts: Pick<Parts, 'idempotency' | 'timers' | 'commits' | 'durability'>) {
    const { idempotency, timers } = parts;
    this.finality = new Finality(parts);
    // One at a time: what arrives meanwhile shares the next call, which costs hardly more for many than for one.
    const options = { timers, batchSizeMax: 1_024, inFlightMax: 1, waitingMax: 10_000 };
    this.claims = new Batcher({ ...options, inFlightMax: 2 }, (requests) => idempotency.claim(requests));
    this.looks = new Batcher(options, (requests) => idempotency.look(requests));
    this.refusals = new Batcher(options, (requests) => idempotency.answer(requests));
  }

  async once(request: ClaimRequest, work: Work, options: OnceOptions = {}): Promise<IdempotentResult> {
    const key = request.keyDigest.toString('base64');
    const running = this.attempts.get(key);
    if (running) return this.join(running, request);
    const answer = this.attempt(request, work, options);
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

  keep(operation: Operation, answer: Answer): Promise<Answer> {
    return this.finality.conclude(operation, answer, []);
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

  private async attempt(request: ClaimRequest, work: Work, options: OnceOptions): Promise<AttemptResult> {
    try {
      const refused = await this.refuseAtOnce(request, options.refuse?.(request));
      if (refused) return refused;
      return await (options.unclaimed ? this.lookAndWork(request, work) : this.claimAndWork(request, work));
    } catch (error) {
      if (error instanceof KeyReused) return { replayed: false, otherwise: { kind: 'reused' } };
      throw error;
    }
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

  private async lookAndWork(request: ClaimRequest, work: Work): Promise<AttemptResult> {
    const id = operationIdOf(request);
    const look = await this.looks.call({ ...request, id });
    if (look.kind === 'answered') return { answer: { status: look.status, body: look.body }, replayed: true };
    if (look.kind === 'reused') return { replayed: false, otherwise: look };
    const answer = await work({ id, repeated: look.repeated, request });
    return { answer, replayed: answer.replayed ?? false };
  }

  private async claimAndWork(request: ClaimRequest, work: Work): Promise<AttemptResult> {
    const claim = await this.claims.call(request);
    if (claim.kind === 'answered') {
      return { answer: { status: claim.status, body: claim.body }, replayed: true };
    }
    if (claim.kind !== 'claimed') return { replayed: false, otherwise: claim };
    try {
      const answer = await work({ id: operationIdOf(request), repeated: claim.repeated, request });
      if (!isKept(answer.status)) await this.abandon(request, true);
      return { answer, replayed: answer.replayed ?? false };
    } catch (error) {
      const nothingDone = error instanceof UnavailableError && !error.outcomeUnknown && !claim.repeated;
      await this.abandon(request, nothingDone || error instanceof KeyReused);
      throw error;
    }
  }

  /** When the ledger cannot be told, the claim's lease runs out by itself. */
  private async abandon(request: ClaimRequest, certain: boolean): Promise<void> {
    await this.parts.idempotency.abandon(request, certain).catch(() => undefined);
  }
}

/** The key determines the id, so that every attempt works under the same one. */
export function operationIdOf({ keyDigest }: Pick<ClaimRequest, 'keyDigest'>): string {
  return uuidOf(keyDigest);
}

class NoAnswer extends Error {
  constructor(readonly result: IdempotentResult) {
    super(result.kind);
  }
}
