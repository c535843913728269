/**
 * One request, one answer. A key is claimed in the ledger before any work, and the work records its answer there in
 * the transaction that makes it final. Work that the stock store decides once by its id goes without the claim: it
 * looks whether the key has been answered, and its own answer counts unless another one was recorded first. Two at
 * once in this process share one attempt.
 */
import { ConcurrentMap } from '#concurrent-map';
import { UnavailableError } from '#domain';
import type { Claim, ClaimRequest, Known, Look, ReserveRequest } from '#ledger';
import { Batcher, uuidOf } from '#platform';
import { Finality, isKept, KeyReused, Overtaken } from './finality.js';
import type { Parts } from './ports.js';
import type { Answer, IdempotencyUseCases, IdempotentResult, OnceOptions, Operation } from './use-cases.js';

type Work = (operation: Operation) => Promise<Answer>;
type Attempt = { readonly fingerprint: Buffer; readonly result: Promise<IdempotentResult> };

export class Idempotency implements IdempotencyUseCases {
  /** Under way now. A `Map` with as much coming and going keeps what has gone alive (docs/decisions, 63). */
  private readonly attempts = new ConcurrentMap<string, Attempt>();
  private readonly claims: Batcher<ClaimRequest, Claim>;
  private readonly looks: Batcher<ReserveRequest, Look>;
  private readonly refusals: Batcher<ReserveRequest & Answer, Known | null>;

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
    const key = request.keyDigest.toString('latin1');
    const running = this.attempts.load(key);
    if (running) return this.join(running, request);
    const result = this.attempt(request, work, options);
    this.attempts.store(key, { fingerprint: request.fingerprint, result });
    try {
      return await result;
    } finally {
      this.attempts.delete(key);
    }
  }

  keep(operation: Operation, answer: Answer): Promise<Answer> {
    return this.finality.conclude(operation, answer, []);
  }

  private async join(running: Attempt, request: ClaimRequest): Promise<IdempotentResult> {
    if (!running.fingerprint.equals(request.fingerprint)) return { kind: 'reused' };
    const result = await running.result;
    return result.kind === 'answered' ? { ...result, replayed: isKept(result.answer.status) } : result;
  }

  private async attempt(request: ClaimRequest, work: Work, options: OnceOptions): Promise<IdempotentResult> {
    try {
      const refusal = options.refuse?.(request);
      const known =
        refusal && (await this.refusals.call({ ...request, ...refusal, id: operationIdOf(request) }));
      if (known) return known.kind === 'reused' ? known : answered(known, known.kind === 'answered');
      // There is no refusal, or an earlier attempt may have done what the refusal knows nothing of.
      return await (options.unclaimed ? this.lookAndWork(request, work) : this.claimAndWork(request, work));
    } catch (error) {
      if (error instanceof KeyReused) return { kind: 'reused' };
      throw error;
    }
  }

  private async lookAndWork(request: ClaimRequest, work: Work): Promise<IdempotentResult> {
    const id = operationIdOf(request);
    const look = await this.looks.call({ ...request, id });
    if (look.kind !== 'free') return found(look);
    try {
      return worked(await work({ id, repeated: look.repeated, request }));
    } catch (error) {
      const again = error instanceof Overtaken ? await this.looks.call({ ...request, id }) : look;
      if (again.kind === 'free') throw error;
      return found(again);
    }
  }

  private async claimAndWork(request: ClaimRequest, work: Work): Promise<IdempotentResult> {
    const claim = await this.claims.call(request);
    if (claim.kind === 'answered') return answered(claim, true);
    if (claim.kind !== 'claimed') return claim;
    try {
      const answer = await work({ id: operationIdOf(request), repeated: claim.repeated, request });
      if (!isKept(answer.status)) await this.abandon(request, true);
      return worked(answer);
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

function found(known: Exclude<Look, { kind: 'free' }>): IdempotentResult {
  return known.kind === 'answered' ? answered(known, true) : known;
}

function answered({ status, body }: Answer, replayed: boolean): IdempotentResult {
  return { kind: 'answered', answer: { status, body }, replayed };
}

function worked(answer: Answer & { readonly replayed?: boolean }): IdempotentResult {
  return { kind: 'answered', answer, replayed: answer.replayed ?? false };
}
