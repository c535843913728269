/** Which partition a SKU belongs to: fixed by its name and the number of partitions, the same everywhere for ever. */
import { crc32 } from 'node:zlib';

export function partitionOf(sku: string, partitions: number): number {
  return partitions === 1 ? 0 : crc32(sku) % partitions;
}

/** The lines of a cart, or what else is of a SKU, by partition, ascending. */
export function linesByPartition<Line extends { readonly sku: string }>(
  lines: readonly Line[],
  partitions: number,
): Map<number, Line[]> {
  const grouped = new Map<number, Line[]>();
  for (const line of lines) {
    const partition = partitionOf(line.sku, partitions);
    const group = grouped.get(partition);
    if (group) group.push(line);
    else grouped.set(partition, [line]);
  }
  return new Map([...grouped].sort(([left], [right]) => left - right));
}
