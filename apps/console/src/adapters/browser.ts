/** The browser's time, randomness and storage, in one place: everything else is given what it needs of them. */

export type Stop = () => void;

/** The wall clock, in milliseconds. */
export function nowMs(): number {
  return Date.now();
}

/** Calls once, after a while. @returns what prevents it. */
export function after(delayMs: number, run: () => void): Stop {
  const timer = setTimeout(run, delayMs);
  return () => clearTimeout(timer);
}

/** Calls again and again, never while the page is hidden. @returns what ends it. */
export function everyWhileVisible(intervalMs: number, run: () => void): Stop {
  const timer = setInterval(() => {
    if (!document.hidden) run();
  }, intervalMs);
  return () => clearInterval(timer);
}

/** Waits, or until the signal aborts. */
export function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const cancel = after(delayMs, resolve);
    signal.addEventListener('abort', () => (cancel(), resolve()), { once: true });
  });
}

/** A new Idempotency-Key. `crypto.randomUUID` exists on HTTPS only, and consoles are opened over plain HTTP too. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `console-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

/** Text under a name; a browser that refuses to store keeps nothing, and the page works on. */
export function remember(storage: 'session' | 'local', name: string, text: string | null): void {
  try {
    const place = storage === 'session' ? sessionStorage : localStorage;
    if (text === null) place.removeItem(`holdfast.${name}`);
    else place.setItem(`holdfast.${name}`, text);
  } catch {
    // Not kept: the next page asks again.
  }
}

export function recall(storage: 'session' | 'local', name: string): string | null {
  try {
    return (storage === 'session' ? sessionStorage : localStorage).getItem(`holdfast.${name}`);
  } catch {
    return null;
  }
}

/** Offers a file to be saved. */
export function saveFile(name: string, content: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  // The browser reads it after the click: not at once, or there is nothing to read.
  after(60_000, () => URL.revokeObjectURL(link.href));
}
