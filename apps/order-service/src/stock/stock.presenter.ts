/** Stock levels and the outcomes of adjusting them, as answers. */
import { etagOf, type WireStockLevel } from '#contracts';
import { availableOf, type StockLevel } from '#domain';
import type { AdjustOutcome, Answer } from '#reservations';
import { jsonAnswer, problemAnswer } from '../http/answers.js';

export function presentStockLevel(level: StockLevel): WireStockLevel {
  const { sku, onHand, held, committed, buyerLimit, holdTtlSeconds, version } = level;
  return { sku, onHand, available: availableOf(level), held, committed, buyerLimit, holdTtlSeconds, version };
}

export function presentAdjust(outcome: AdjustOutcome): Answer {
  switch (outcome.kind) {
    case 'adjusted':
      return jsonAnswer(200, presentStockLevel(outcome.level));
    case 'unknown-sku':
      return unknownSku(outcome.sku);
    case 'version-mismatch': {
      const { sku, version } = outcome;
      return problemAnswer('version-mismatch', `${sku} is at version ${version} now`, { sku, version });
    }
    case 'insufficient-stock': {
      const { sku, available } = outcome;
      const detail = `Only ${available} of ${sku} can be taken away: the rest is held or sold`;
      return problemAnswer('insufficient-stock', detail, { sku, available });
    }
    case 'too-much-stock':
      return problemAnswer('invalid-request', 'The number is too large to be exact', {
        errors: [{ path: 'delta', message: 'On hand would exceed 2^53 - 1' }],
      });
  }
}

export function unknownSku(sku: string): Answer {
  return problemAnswer('unknown-sku', `There is no SKU ${sku}`, { sku });
}

/** The tag of the level that an answer holds; none when it holds a problem. */
export function etagHeadersOf({ status, body }: Answer): Readonly<Record<string, string>> {
  return status === 200 ? { etag: etagOf((JSON.parse(body) as WireStockLevel).version) } : {};
}
