/**
 * The page for the day of the sale: how much is left, how fast it goes, who is refused, and when there will be nothing.
 * The level is pushed by the service as it changes; the rates are read from its counters every second.
 */
import type { WireStockLevel } from '#contracts';
import { useEffect, useState } from 'preact/hooks';
import { href } from '../address.js';
import { after, nowMs, recall, remember } from '../adapters/browser.js';
import { listReservations, listSkus } from '../api/calls.js';
import { useLoad } from '../api/hooks.js';
import { count } from '../format.js';
import { LiveCharts } from '../live/charts.js';
import { Rates } from '../live/rates.js';
import { type LiveStock, useLiveStock } from '../live/use-live.js';
import { go } from '../router.js';
import { useShortcut } from '../shortcuts.js';
import { Content, Empty, Figure, Loading, StockBar } from '../ui/parts.js';
import { Problem } from '../ui/problem.js';
import { ReservationList } from './reservations.js';
import { Adjust, EditPolicy, NewSku } from './sku-dialogs.js';

export function SalePage({ sku }: { sku: string }) {
  const skus = useLoad('sale skus', (signal) => listSkus({ limit: 1_000, signal }));
  const names = skus.value?.data.map((level) => level.sku) ?? [];
  const last = recall('session', 'sku') ?? '';
  const shown = sku || (names.includes(last) ? last : (names[0] ?? ''));
  if (shown !== '') return <Sale key={shown} sku={shown} names={names} />;
  return <Content loaded={skus}>{() => <NothingOnSale />}</Content>;
}

function NothingOnSale() {
  const [creating, setCreating] = useState(false);
  return (
    <>
      <Empty title="Nothing is on sale">
        <button type="button" class="button button-primary" onClick={() => setCreating(true)}>
          Create the first SKU
        </button>
      </Empty>
      {creating && <NewSku onClose={() => setCreating(false)} onDone={({ sku }) => go(href('sale', sku))} />}
    </>
  );
}

function Sale({ sku, names }: { sku: string; names: readonly string[] }) {
  const live = useLiveStock(sku);
  const [asking, setAsking] = useState<'adjust' | 'policy'>();
  const available = live.level?.available;
  useEffect(() => remember('session', 'sku', sku), [sku]);
  useEffect(() => {
    if (available !== undefined) document.title = `${count(available)} left of ${sku} · Holdfast`;
  }, [available, sku]);
  useShortcut('a', 'Adjust units', () => live.level && setAsking('adjust'));
  useShortcut('p', 'Change the policy', () => live.level && setAsking('policy'));
  useShortcut('[', 'Previous SKU', () => step(names, sku, -1));
  useShortcut(']', 'Next SKU', () => step(names, sku, 1));
  const close = () => setAsking(undefined);
  return (
    <>
      <header class="sale-head">
        <SkuChoice sku={sku} names={names} />
        <StreamStatus live={live} />
        <div class="head-actions">
          <button type="button" class="button" disabled={!live.level} onClick={() => setAsking('policy')}>
            Policy
          </button>
          <button type="button" class="button" disabled={!live.level} onClick={() => setAsking('adjust')}>
            Adjust
          </button>
        </div>
      </header>
      {live.state.kind === 'refused' && (
        <>
          <Problem problem={live.state.problem} />
          <p class="more">
            <a href={href('stock')}>Show all SKUs</a>
          </p>
        </>
      )}
      {!live.level && live.state.kind !== 'refused' && <Loading />}
      {live.level && (
        <div class={live.state.kind === 'live' ? '' : 'stale'}>
          <Level level={live.level} />
          <Rates live={live} />
        </div>
      )}
      {live.level && <LiveCharts live={live} />}
      {live.level && <Latest sku={sku} />}
      {live.level && asking === 'adjust' && <Adjust level={live.level} onDone={close} onClose={close} />}
      {live.level && asking === 'policy' && <EditPolicy level={live.level} onDone={close} onClose={close} />}
    </>
  );
}

/** The name of the SKU is its own menu. */
function SkuChoice({ sku, names }: { sku: string; names: readonly string[] }) {
  return (
    <h1 class="sku-choice" tabIndex={-1}>
      <span aria-hidden="true">{sku}</span>
      <select aria-label="SKU" value={sku} onChange={(event) => go(href('sale', event.currentTarget.value))}>
        {[...new Set([sku, ...names])].sort().map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </h1>
  );
}

function StreamStatus({ live: { state, level } }: { live: LiveStock }) {
  const [text, kind] = {
    connecting: ['Connecting…', 'waiting'],
    live: [level?.available === 0 ? 'Live · sold out' : 'Live', 'live'],
    broken: ['Connection lost, trying again…', 'broken'],
    refused: ['Not connected', 'broken'],
  }[state.kind] as [string, string];
  return (
    <p class={`stream stream-${kind}`} role="status">
      <i aria-hidden="true" />
      {text}
    </p>
  );
}

function Level({ level }: { level: WireStockLevel }) {
  const available = count(level.available);
  return (
    <section class="level" aria-label="Units">
      <Spoken level={level} />
      <dl class="level-figures">
        <div class="hero">
          <dt>
            <i class="dot dot-available" aria-hidden="true" />
            Available
          </dt>
          <dd data-figure="available" style={{ '--digits': available.length }}>
            {available}
          </dd>
        </div>
        <Figure label="Held" tone="held" value={<span data-figure="held">{count(level.held)}</span>} />
        <Figure label="Sold" tone="sold" value={<span data-figure="sold">{count(level.committed)}</span>} />
        <Figure label="On hand" value={count(level.onHand)} />
      </dl>
      <StockBar level={level} />
    </section>
  );
}

/** For those who listen: the level in words, at most every five seconds. */
function Spoken({ level }: { level: WireStockLevel }) {
  const [spoken, setSpoken] = useState('');
  const text = `${count(level.available)} available, ${count(level.held)} held, ${count(level.committed)} sold`;
  const [sinceMs, setSinceMs] = useState(0);
  useEffect(() => {
    const say = () => {
      setSpoken(text);
      setSinceMs(nowMs());
    };
    return after(Math.max(0, sinceMs + 5_000 - nowMs()), say);
  }, [text]);
  return (
    <p class="hidden" aria-live="polite">
      {spoken}
    </p>
  );
}

function Latest({ sku }: { sku: string }) {
  const latest = useLoad(`latest ${sku}`, (signal) => listReservations({ sku }, { limit: 8, signal }), 2_000);
  return (
    <section class="latest">
      <h2>Latest reservations</h2>
      <Content loaded={latest}>
        {({ data }) =>
          data.length === 0 ? (
            <Empty title="None yet">They appear here as they are made.</Empty>
          ) : (
            <ReservationList rows={data} />
          )
        }
      </Content>
      {latest.value && latest.value.data.length > 0 && (
        <p class="more">
          <a href={href('reservations', '', { sku })}>All of {sku}</a>
        </p>
      )}
    </section>
  );
}

function step(names: readonly string[], sku: string, by: 1 | -1): void {
  const at = names.indexOf(sku);
  const next = names[(at + by + names.length) % names.length];
  if (next !== undefined) go(href('sale', next));
}
