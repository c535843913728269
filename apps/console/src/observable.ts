/** A value that components watch: the state that more than one of them shares. */
import { useEffect, useState } from 'preact/hooks';

export class Observable<Value> {
  private readonly listeners = new Set<() => void>();

  constructor(private current: Value) {}

  get value(): Value {
    return this.current;
  }

  set(value: Value): void {
    this.current = value;
    for (const listener of this.listeners) listener();
  }

  /** @returns what ends the subscription. */
  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }
}

/** The value, and a rendering whenever it is set. */
export function useObservable<Value>(observable: Observable<Value>): Value {
  const [, render] = useState(0);
  useEffect(() => observable.subscribe(() => render((count) => count + 1)), [observable]);
  return observable.value;
}
