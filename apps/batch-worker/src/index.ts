export * from './configured-worker.js';
export * from './rate-limited-source.js';
export * from './worker-metrics.js';
export * from './worker-process.js';
export * from './worker.js';
