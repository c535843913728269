/** The figures that tell whether a map is used as it is meant to be: `1 - misses / loads` is the hit rate. */
export type ConcurrentMapStats = {
  /** Calls of `load`. */
  readonly loads: number;
  /** Operations that the read map could not answer alone. */
  readonly misses: number;
  /** How often the dirty map became the read map. */
  readonly promotions: number;
  /** How often a dirty map was begun as a copy of the read map. */
  readonly dirtyCopies: number;
  /** Keys of the read map, deleted ones among them. */
  readonly readSize: number;
  /** Keys of the dirty map, 0 when there is none. */
  readonly dirtySize: number;
  /** Whether the dirty map has keys that the read map lacks. */
  readonly amended: boolean;
};
