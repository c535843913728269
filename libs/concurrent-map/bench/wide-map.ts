/** The map of int64 values for scenarios that speak in numbers: the conversion is part of what is measured. */
import { SharedConcurrentInt64Map, SharedConcurrentMap } from '../src/index.js';

const narrowed = (value: bigint | undefined): number | undefined =>
  value === undefined ? undefined : Number(value);

export class WideMap {
  private readonly map: SharedConcurrentInt64Map;

  constructor(buffer: SharedArrayBuffer) {
    this.map = SharedConcurrentInt64Map.attach(buffer);
  }

  load(key: string): number | undefined {
    return narrowed(this.map.load(key));
  }

  store(key: string, value: number): void {
    this.map.store(key, BigInt(value));
  }

  takeIfAtLeast(key: string, quantity: number): number | undefined {
    return narrowed(this.map.takeIfAtLeast(key, BigInt(quantity)));
  }
}

/** The buffer of an empty map of this kind. */
export function newBuffer(kind: string, entriesMax: number): SharedArrayBuffer {
  const options = { entriesMax, keyLengthMax: 16 };
  const wide = kind === 'SharedConcurrentInt64Map';
  return (wide ? SharedConcurrentInt64Map : SharedConcurrentMap).create(options).buffer;
}
