/** What lists share: the box that narrows them, the choice of a status, and the way to the next page. */
import { useRef } from 'preact/hooks';
import type { Pages } from '../api/hooks.js';
import { useShortcut } from '../shortcuts.js';

export function SearchBox(props: { label: string; value: string; onInput: (text: string) => void }) {
  const input = useRef<HTMLInputElement>(null);
  useShortcut('/', 'Search', () => input.current?.select());
  return (
    <input
      ref={input}
      type="search"
      class="search"
      aria-label={props.label}
      placeholder={props.label}
      autoComplete="off"
      spellcheck={false}
      value={props.value}
      onInput={(event) => props.onInput(event.currentTarget.value)}
      onKeyDown={(event) => event.key === 'Escape' && event.currentTarget.blur()}
    />
  );
}

export function StatusFilter(props: {
  value: string;
  statuses: readonly string[];
  onChange: (status: string) => void;
}) {
  return (
    <select
      aria-label="Status"
      value={props.value}
      onChange={(event) => props.onChange(event.currentTarget.value)}
    >
      <option value="">Any status</option>
      {props.statuses.map((status) => (
        <option key={status} value={status}>
          {status}
        </option>
      ))}
    </select>
  );
}

export function More<Row>({ pages }: { pages: Pages<Row> }) {
  if (pages.more === undefined) return null;
  return (
    <p class="more">
      <button type="button" class="button" onClick={pages.more}>
        Show more
      </button>
    </p>
  );
}
