export * from './concurrent-map.js';
export * from './errors.js';
export * from './shared-concurrent-int64-map.js';
export * from './shared-concurrent-map.js';
export type { SharedConcurrentMapOptions } from './shared/shared-map.js';
export type { ConcurrentMapStats } from './stats.js';
