/** The built-in Map with the methods that the scenarios use: the floor that everything else stands on. */
export class PlainMap {
  private readonly map = new Map<string, number>();

  load(key: string): number | undefined {
    return this.map.get(key);
  }

  store(key: string, value: number): void {
    this.map.set(key, value);
  }

  swap(key: string, value: number): number | undefined {
    const previous = this.map.get(key);
    this.map.set(key, value);
    return previous;
  }

  loadOrStore(key: string, value: number): { value: number; loaded: boolean } {
    const current = this.map.get(key);
    if (current !== undefined) return { value: current, loaded: true };
    this.map.set(key, value);
    return { value, loaded: false };
  }

  loadAndDelete(key: string): number | undefined {
    const previous = this.map.get(key);
    this.map.delete(key);
    return previous;
  }

  compareAndSwap(key: string, expected: number, next: number): boolean {
    if (this.map.get(key) !== expected) return false;
    this.map.set(key, next);
    return true;
  }

  compareAndDelete(key: string, expected: number): boolean {
    return this.map.get(key) === expected && this.map.delete(key);
  }

  takeIfAtLeast(key: string, quantity: number): number | undefined {
    const current = this.map.get(key);
    if (current === undefined || current < quantity) return undefined;
    this.map.set(key, current - quantity);
    return current - quantity;
  }

  range(visit: (key: string, value: number) => boolean | void): void {
    for (const [key, value] of this.map) if (visit(key, value) === false) return;
  }

  clear(): void {
    this.map.clear();
  }
}
