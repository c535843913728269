/** Which partition a SKU belongs to: fixed by its name and the number of partitions, the same everywhere for ever. */
import { crc32 } from 'node:zlib';
import type { ReservationLine } from '#domain';

export function partitionOf(sku: string, partitions: number): number {
  return partitions === 1 ? 0 : crc32(sku) % partitions;
}

/** The lines of a cart by partition, ascending. */
export function linesByPartition(
  lines: readonly ReservationLine[],
  partitions: number,
): Map<number, ReservationLine[]> {
  const grouped = new Map<number, ReservationLine[]>();
  for (const line of lines) {
    const partition = partitionOf(line.sku, partitions);
    const group = grouped.get(partition);
    if (group) group.push(line);
    else grouped.set(partition, [line]);
  }
  return new Map([...grouped].sort(([left], [right]) => left - right));
}
