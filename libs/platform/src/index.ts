export * from './adapters/system.js';
export * from './embedded/index.js';
export * from './ports.js';
