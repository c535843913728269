/** The small parts that every page is made of. */
import type { ComponentChildren, TargetedEvent } from 'preact';
import { useId, useState } from 'preact/hooks';
import type { WireReservation, WireStockLevel } from '#contracts';
import { href } from '../address.js';
import { everyWhileVisible, nowMs } from '../adapters/browser.js';
import type { Loaded } from '../api/hooks.js';
import { ago, count, duration, instant, shortId } from '../format.js';
import { Observable, useObservable } from '../observable.js';
import { Problem } from './problem.js';

/** The head of a page: the way back, its name, its status, what it is about in one line, and what can be done there. */
export function Head(props: {
  title: string;
  note?: ComponentChildren;
  /** The list that this is one of. */
  back?: readonly [page: string, label: string];
  status?: string | undefined;
  children?: ComponentChildren;
}) {
  const { title, note, back, status, children } = props;
  return (
    <header class="head">
      <div>
        {back && (
          <a class="back" href={href(back[0])}>
            <span aria-hidden="true">←</span> {back[1]}
          </a>
        )}
        <div class="head-title">
          <h1 tabIndex={-1}>{title}</h1>
          {back && <span aria-live="polite">{status && <Status value={status} />}</span>}
        </div>
        {note && <p class="quiet">{note}</p>}
      </div>
      {children && <div class="head-actions">{children}</div>}
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

/** An id: short, and whole on hover; or whole, and copied with a click. */
export function Id({ id, full = false }: { id: string; full?: boolean }) {
  const [copied, setCopied] = useState(false);
  if (!full) {
    return (
      <span class="id" title={id}>
        {shortId(id)}
      </span>
    );
  }
  const copy = () =>
    // Without HTTPS there may be no clipboard; the id can still be selected.
    void navigator.clipboard?.writeText(id).then(
      () => setCopied(true),
      () => undefined,
    );
  return (
    <button type="button" class="id copy" title="Copy" onClick={copy}>
      {id}
      <span class="quiet" role="status">
        {copied && ' copied'}
      </span>
    </button>
  );
}

/** The way to something by its id. */
export function LinkedId({ page, id }: { page: string; id: string }) {
  return (
    <a href={href(page, id)}>
      <Id id={id} />
    </a>
  );
}

/** How long ago, with the whole instant on hover; or, where there is room, both. */
export function When({ iso, full = false }: { iso: string; full?: boolean }) {
  const now = useNow();
  const whole = instant(iso);
  return (
    <time dateTime={iso} title={full ? iso : whole}>
      {full && (
        <>
          {whole} <span class="quiet">· </span>
        </>
      )}
      <span class={full ? 'quiet whole' : 'steady'}>{ago(iso, now)}</span>
    </time>
  );
}

/** The time left until an instant, counted down. */
export function Countdown({ iso }: { iso: string }) {
  const now = useNow();
  const seconds = (Date.parse(iso) - now) / 1_000;
  return (
    <span class="steady" title={instant(iso)}>
      {seconds > 0 ? duration(seconds) : 'now'}
    </span>
  );
}

/** One clock for all that count: everything on the page changes at once. */
const present = new Observable(nowMs());
everyWhileVisible(1_000, () => present.set(nowMs()));

/** The present, renewed every second. */
export function useNow(): number {
  return useObservable(present);
}

/** What is known of one thing, line by line. */
export function Facts({ children }: { children: ComponentChildren }) {
  return <dl class="facts">{children}</dl>;
}

export function Fact({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
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
