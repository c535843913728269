/**
 * The last step of every mutating use case: the answer becomes final in the ledger, in one transaction with what it
 * rests on, and only then goes out.
 */
import { UnavailableError, type JournalPosition } from '#domain';
import type { Parts } from './ports.js';
import type { Answer, Operation } from './use-cases.js';

/** The key had been used for another request by the time the work was done. */
export class KeyReused extends Error {
  override readonly name = 'KeyReused';
}

/** Another attempt under the key was faster, and made nothing: what the ledger has under the key is the answer. */
export class Overtaken extends UnavailableError {
  constructor() {
    super('stock-not-ready', 'the ledger does not show what another attempt was answered yet', true);
  }
}

/** What a decision says of where it stands in the journal. */
type Decided = JournalPosition;

/** Every 2xx and 409 under a key is kept and given again; other answers leave the key free. */
export function isKept(status: number): boolean {
  return (status >= 200 && status < 300) || status === 409;
}

export class Finality {
  constructor(
    private readonly parts: Pick<Parts, 'durability'> & {
      readonly commits: Pick<Parts['commits'], 'commit'>;
    },
  ) {}

  /**
   * Records the answer together with what it rests on, and gives it; or the answer of an attempt that was faster.
   * Throws `UnavailableError` when neither was seen, `KeyReused` when the key is another request's.
   */
  async conclude(operation: Operation, answer: Answer, restsOn: readonly Decided[]): Promise<Answer> {
    const { commits, durability } = this.parts;
    const { request } = operation;
    const receipt = request && isKept(answer.status) ? { ...request, ...answer } : null;
    const requires = restsOn.map(({ partition, epoch, sequence }) => ({ partition, epoch, sequence }));
    if (!receipt && requires.length === 0) return answer;
    const committed = commits.commit({ requires, receipt });
    // With DURABILITY=redis nobody waits for what Redis has; a commit that fails is taken from its journal later.
    if (durability === 'redis' && requires.length > 0) {
      committed.catch(() => undefined);
      return answer;
    }
    const before = await committed;
    if (!before) return answer;
    if (!before.by) throw new KeyReused();
    return { ...before.by, replayed: true };
  }

  /** Waits until the ledger has a decision. */
  async reached(decision: Decided): Promise<void> {
    const { partition, epoch, sequence } = decision;
    await this.parts.commits.commit({ requires: [{ partition, epoch, sequence }], receipt: null });
  }
}
