export * from './adapters/system.js';
export * from './ports.js';
export * from './redis.js';
