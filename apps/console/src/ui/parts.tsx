/** The small parts that every page is made of. */
import type { ComponentChildren, TargetedEvent } from 'preact';
import { useEffect, useId, useState } from 'preact/hooks';
import type { WireReservation, WireStockLevel } from '#contracts';
import { href } from '../address.js';
import { everyWhileVisible, nowMs } from '../adapters/browser.js';
import type { Loaded } from '../api/hooks.js';
import { count, duration, instant, shortId } from '../format.js';
import { Problem } from './problem.js';

/** The head of a page: its name, what it is about in one line, and what can be done there. */
export function Head(props: { title: string; note?: ComponentChildren; children?: ComponentChildren }) {
  return (
    <header class="head">
      <div>
        <h1 tabIndex={-1}>{props.title}</h1>
        {props.note && <p class="quiet">{props.note}</p>}
      </div>
      {props.children && <div class="head-actions">{props.children}</div>}
    </header>
  );
}

/** A status as a word with its colour; the colour says nothing that the word does not. */
export function Status({ value }: { value: string }) {
  return <span class={`status status-${value}`}>{value}</span>;
}

/** The units of a SKU as one bar: sold, held, available. */
export function StockBar({ level }: { level: WireStockLevel }) {
  const { onHand, committed, held, available } = level;
  const shares = [
    ['sold', committed],
    ['held', held],
    ['available', available],
  ] as const;
  const label = shares.map(([name, units]) => `${count(units)} ${name}`).join(', ');
  return (
    <div class="bar" role="img" aria-label={label}>
      {shares.map(
        ([name, units]) =>
          units > 0 && (
            <span key={name} class={`bar-${name}`} style={{ width: `${(100 * units) / onHand}%` }} />
          ),
      )}
    </div>
  );
}

/** What was loaded, or why not: nothing is blank, and what was read before stays while it is read again. */
export function Content<Value>(props: {
  loaded: Loaded<Value>;
  children: (value: Value) => ComponentChildren;
}) {
  const { value, problem, reload } = props.loaded;
  return (
    <>
      {problem && <Problem problem={problem} onRetry={reload} />}
      {value === undefined && !problem && <Loading />}
      {value !== undefined && props.children(value)}
    </>
  );
}

export function Loading() {
  return (
    <div class="loading" role="status">
      <span class="hidden">Loading</span>
      <i />
      <i />
      <i />
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children && <p class="quiet">{children}</p>}
    </div>
  );
}

/** An id, short, whole on hover, copied with a click. */
export function Id({ id, full = false }: { id: string; full?: boolean }) {
  const [copied, setCopied] = useState(false);
  const copy = (event: Event) => {
    event.preventDefault();
    event.stopPropagation();
    // Without HTTPS there may be no clipboard; the id can still be selected.
    void navigator.clipboard?.writeText(id).then(
      () => setCopied(true),
      () => undefined,
    );
  };
  return (
    <span class="id" title={id} onClick={full ? copy : undefined}>
      {full ? id : shortId(id)}
      {copied && <span class="quiet"> copied</span>}
    </span>
  );
}

/** An instant, with the whole of it on hover. */
export function When({ iso }: { iso: string }) {
  return (
    <time dateTime={iso} title={iso}>
      {instant(iso, nowMs())}
    </time>
  );
}

/** The time left until an instant, counted down. */
export function Countdown({ iso }: { iso: string }) {
  const now = useNow();
  const seconds = (Date.parse(iso) - now) / 1_000;
  return <span title={iso}>{seconds > 0 ? duration(seconds) : 'now'}</span>;
}

/** The present, renewed every second. */
export function useNow(): number {
  const [now, setNow] = useState(nowMs());
  useEffect(() => everyWhileVisible(1_000, () => setNow(nowMs())), []);
  return now;
}

/** A line of text with its label above and, where it helps, a hint below. */
export function TextField(props: {
  label: string;
  name: string;
  value: string;
  onInput: (text: string) => void;
  hint?: string;
  /** Not shown as it is typed. */
  secret?: boolean;
  digits?: boolean;
}) {
  const id = useId();
  const attributes = {
    id,
    name: props.name,
    inputMode: props.digits === true ? 'numeric' : 'text',
    autoComplete: 'off',
    spellcheck: false,
    'aria-describedby': props.hint && `${id}-hint`,
    value: props.value,
    onInput: (event: TargetedEvent<HTMLInputElement>) => props.onInput(event.currentTarget.value),
  } as const;
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      {props.secret === true ? (
        <input type="password" {...attributes} />
      ) : (
        <input type="text" {...attributes} />
      )}
      {props.hint && <p id={`${id}-hint`}>{props.hint}</p>}
    </div>
  );
}

/** A figure with its name: the name is read first, the figure is what is seen. */
export function Figure(props: {
  label: string;
  value: ComponentChildren;
  tone?: 'available' | 'held' | 'sold' | 'refused' | undefined;
  note?: ComponentChildren;
}) {
  return (
    <div class="figure">
      <dt>
        {props.tone && <i class={`dot dot-${props.tone}`} aria-hidden="true" />}
        {props.label}
      </dt>
      <dd>{props.value}</dd>
      {props.note && <dd class="figure-note">{props.note}</dd>}
    </div>
  );
}

/** The lines of a cart, each with the way to its SKU. */
export function Cart({ lines }: { lines: WireReservation['lines'] }) {
  return (
    <>
      {lines.map(({ sku, quantity }) => (
        <div key={sku}>
          {count(quantity)} × <a href={href('sale', sku)}>{sku}</a>
        </div>
      ))}
    </>
  );
}
