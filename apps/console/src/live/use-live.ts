/** What the sale's page watches: one SKU's level as it changes, and what becomes of attempts on the whole service. */
import type { WireStockLevel } from '#contracts';
import { useEffect, useState } from 'preact/hooks';
import { everyWhileVisible, nowMs } from '../adapters/browser.js';
import { readMetrics, skuPath } from '../api/calls.js';
import { follow, type StreamState } from '../api/stream.js';
import { Observable } from '../observable.js';
import { OutcomeRates, parseOutcomes } from './outcomes.js';
import { StockHistory } from './stock-history.js';

const historiesMax = 20;
const metricsIntervalMs = 1_000;
const histories = new Map<string, StockHistory>();

/** Kept while the page lives, so that a look elsewhere does not lose the sale's beginning. */
function historyOf(sku: string): StockHistory {
  const history = histories.get(sku) ?? new StockHistory();
  histories.delete(sku);
  histories.set(sku, history);
  const [oldest] = histories.keys();
  if (histories.size > historiesMax) histories.delete(oldest!);
  return history;
}

export type LiveStock = {
  readonly level: WireStockLevel | undefined;
  readonly history: StockHistory;
  readonly state: StreamState;
};

export function useLiveStock(sku: string): LiveStock {
  const connecting: LiveStock = { level: undefined, history: historyOf(sku), state: { kind: 'connecting' } };
  const [live, setLive] = useState({ sku, ...connecting });
  useEffect(() => {
    const history = historyOf(sku);
    setLive({ sku, level: undefined, history, state: { kind: 'connecting' } });
    return follow({
      path: `${skuPath(sku)}/events`,
      scopes: ['storefront', 'admin'],
      onEvent: (name, data) => {
        if (name !== 'stock') return;
        const level = data as WireStockLevel;
        history.add(level, nowMs());
        setLive((before) => ({ ...before, level }));
      },
      onState: (state) => setLive((before) => ({ ...before, state })),
    });
  }, [sku]);
  return live.sku === sku ? live : connecting;
}

/** Set anew with every reading. */
export const outcomes = new Observable({ rates: new OutcomeRates() });

/** Reads the service's counters while the component is there. */
export function useOutcomeReadings(): void {
  useEffect(() => {
    const abort = new AbortController();
    const read = async () => {
      try {
        const text = await readMetrics(abort.signal);
        outcomes.value.rates.add(parseOutcomes(text), nowMs());
        outcomes.set({ rates: outcomes.value.rates });
      } catch {
        // The next second tries again; what is shown says how old it is by standing still.
      }
    };
    void read();
    const stop = everyWhileVisible(metricsIntervalMs, () => void read());
    return () => {
      stop();
      abort.abort();
    };
  }, []);
}
