export * from './adapters/system.js';
export * from './batcher.js';
export * from './embedded/index.js';
export * from './ports.js';
export * from './redis.js';
