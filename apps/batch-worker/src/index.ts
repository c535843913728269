export * from './limited-source.js';
export * from './run-worker.js';
export * from './start-worker.js';
export * from './worker-metrics.js';
export * from './worker-of.js';
