/** SKUs and their levels: created and adjusted by the stock store, read from the ledger. */
import type { StockLevel } from '#domain';
import { partitionOf, type AdjustDecision, type Made } from '#stock';
import { Finality, KeyReused } from './finality.js';
import type { Parts } from './ports.js';
import type {
  AdjustOutcome,
  Answer,
  Operation,
  Page,
  PageRequest,
  Present,
  StockUseCases,
} from './use-cases.js';

type PutArguments = Parameters<StockUseCases['put']>[0];
type AdjustArguments = Parameters<StockUseCases['adjust']>[1];

export class Stock implements StockUseCases {
  private readonly finality: Finality;

  constructor(private readonly parts: Parts) {
    this.finality = new Finality(parts);
  }

  async put(command: PutArguments): ReturnType<StockUseCases['put']> {
    const decision = await this.parts.desk.put(this.partitionOf(command.sku), command);
    await this.finality.reached(decision);
    return { kind: decision.kind === 'created' ? 'created' : 'changed', level: decision.level };
  }

  async adjust(
    operation: Operation,
    command: AdjustArguments,
    present: Present<AdjustOutcome>,
  ): Promise<Answer> {
    // Asked also when the key looks new: it may have been forgotten (retention.ts), and what it has done has not.
    const earlier = await this.parts.stock.adjustment(operation.id);
    if (earlier) {
      const { sku, delta, reason } = earlier;
      if (sku !== command.sku || delta !== command.delta || reason !== command.reason) throw new KeyReused();
      const level = await this.parts.stock.find(command.sku);
      if (level) return this.finality.conclude(operation, present({ kind: 'adjusted', level }), []);
    }
    const decision = await this.decideAdjust(operation.id, command);
    const restsOn = decision.kind === 'adjusted' ? [decision] : [];
    return this.finality.conclude(operation, present(outcomeOf(decision)), restsOn);
  }

  find(sku: string): Promise<StockLevel | undefined> {
    return this.parts.stock.find(sku);
  }

  findMany(skus: readonly string[]): Promise<readonly StockLevel[]> {
    return this.parts.stock.findMany(skus);
  }

  list(page: PageRequest): Promise<Page<StockLevel>> {
    return this.parts.stock.list(page);
  }

  /** Each attempt is at one version. It is made again when the level has come to another one of those that were asked for. */
  private async decideAdjust(
    operationId: string,
    { expectedVersions, ...command }: AdjustArguments,
  ): Promise<Made<AdjustDecision>> {
    const adjust = (expectedVersion: number | null): Promise<Made<AdjustDecision>> =>
      this.parts.desk.adjust(this.partitionOf(command.sku), { operationId, ...command, expectedVersion });
    let decision = await adjust(expectedVersions?.[0] ?? null);
    while (decision.kind === 'version-mismatch' && expectedVersions?.includes(decision.version))
      decision = await adjust(decision.version);
    return decision;
  }

  private partitionOf(sku: string): number {
    return partitionOf(sku, this.parts.partitionCount);
  }
}

function outcomeOf(decision: AdjustDecision): AdjustOutcome {
  return decision.kind === 'adjusted' ? { kind: 'adjusted', level: decision.level } : decision;
}
