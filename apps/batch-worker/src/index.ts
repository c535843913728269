export * from './start-worker.js';
export * from './worker-metrics.js';
export * from './worker-of.js';
