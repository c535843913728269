/** The command palette (Ctrl-K or ⌘K): every page and command by name, every SKU, and any id that is pasted. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { href } from '../address.js';
import { listSkus } from '../api/calls.js';
import { useLoad } from '../api/hooks.js';
import { go } from '../router.js';
import { Dialog } from './dialog.js';

export type Command = { readonly label: string; readonly hint: string; readonly run: () => void };

const shownMax = 9;
const buyerHint = 'reservations of this buyer';
const skuPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function Palette({ commands, onClose }: { commands: readonly Command[]; onClose: () => void }) {
  const [text, setText] = useState('');
  const [chosen, setChosen] = useState(0);
  const input = useRef<HTMLInputElement>(null);
  const skus = useLoad('palette', (signal) => listSkus({ limit: 1_000, signal }));
  const found = useMemo(() => {
    const named = [...commands, ...(skus.value?.data ?? []).map(({ sku }) => saleOf(sku))];
    return search(text, named, Boolean(skus.value?.nextCursor));
  }, [text, commands, skus.value]);
  const at = Math.min(chosen, found.length - 1);
  useEffect(() => input.current?.focus(), []);
  const run = (command: Command | undefined) => {
    if (command === undefined) return;
    onClose();
    command.run();
  };
  // Until the SKUs are known, what was typed may be one: Enter then waits for them instead of taking it for a buyer.
  const [entered, setEntered] = useState(false);
  const unknown = skus.loading && skus.value === undefined && found[at]?.hint === buyerHint;
  useEffect(() => {
    if (entered && !unknown) run(found[at]);
  }, [entered, unknown]);
  const onKey = (event: KeyboardEvent) => {
    if (event.key === 'Enter') setEntered(true);
    else if (event.key === 'ArrowDown') setChosen((at + 1) % found.length);
    else if (event.key === 'ArrowUp') setChosen((at + found.length - 1) % found.length);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog title="Go to" class="palette" onClose={onClose}>
      <input
        ref={input}
        type="text"
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={found.length > 0 ? `palette-${at}` : undefined}
        aria-label="Page, SKU, buyer, or an id"
        placeholder="Page, SKU, buyer, or an id"
        autoComplete="off"
        spellcheck={false}
        value={text}
        onInput={(event) => (setText(event.currentTarget.value), setChosen(0), setEntered(false))}
        onKeyDown={onKey}
      />
      <ul id="palette-list" role="listbox" aria-label="Found">
        {found.map((command, index) => (
          <li
            key={`${command.label} ${command.hint}`}
            id={`palette-${index}`}
            role="option"
            aria-selected={index === at}
            onMouseMove={() => setChosen(index)}
            onClick={() => run(command)}
          >
            <span>{command.label}</span>
            <span class="quiet">{command.hint}</span>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}

/**
 * Commands whose words begin with what was typed come first; any text can be a buyer, a UUID may be two things, and a
 * name that is not among the commands may be one of `moreSkus` than are listed.
 */
function search(text: string, commands: readonly Command[], moreSkus: boolean): readonly Command[] {
  const typed = text.trim();
  const wanted = typed.toLowerCase();
  if (uuid.test(wanted)) {
    return [
      { label: wanted, hint: 'reservation', run: () => go(href('reservations', wanted)) },
      { label: wanted, hint: 'order', run: () => go(href('orders', wanted)) },
    ];
  }
  const starts = (label: string) =>
    label
      .toLowerCase()
      .split(/[\s._-]/)
      .some((word) => word.startsWith(wanted));
  const first = commands.filter(({ label }) => starts(label));
  const then = commands.filter(({ label }) => !starts(label) && label.toLowerCase().includes(wanted));
  const buyer = {
    label: typed,
    hint: buyerHint,
    run: () => go(href('reservations', '', { buyer: typed })),
  };
  const listed = [...first, ...then].slice(0, shownMax);
  if (typed === '') return listed;
  const unlisted = moreSkus && skuPattern.test(typed) && !commands.some(({ label }) => label === typed);
  return [...listed, ...(unlisted ? [saleOf(typed)] : []), buyer];
}

function saleOf(sku: string): Command {
  return { label: sku, hint: 'live', run: () => go(href('sale', sku)) };
}
