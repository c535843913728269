/**
 * Single keys. Whoever is on the page registers its own while it is there, so that the help shows what works here and
 * nothing else. A key typed into a field, or with a modifier, is no shortcut.
 */
import { useEffect, useRef } from 'preact/hooks';
import { Observable } from './observable.js';

export type Shortcut = {
  /** As `KeyboardEvent.key` has it. */
  readonly key: string;
  readonly label: string;
  readonly run: () => void;
};

export const shortcuts = new Observable<readonly Shortcut[]>([]);

/** Registers a shortcut while the component is there; a later one of the same key comes first. */
export function useShortcut(key: string, label: string, run: () => void): void {
  const latest = useRef(run);
  latest.current = run;
  useEffect(() => {
    const shortcut: Shortcut = { key, label, run: () => latest.current() };
    shortcuts.set([shortcut, ...shortcuts.value]);
    return () => shortcuts.set(shortcuts.value.filter((other) => other !== shortcut));
  }, [key, label]);
}

/** Handles a key press of the whole page. */
export function handleKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (isTyping(event.target) || document.querySelector('dialog[open]') !== null) return;
  const shortcut = shortcuts.value.find(({ key }) => key === event.key);
  if (shortcut === undefined) return;
  event.preventDefault();
  shortcut.run();
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches('input, textarea, select, [contenteditable]');
}
