export * from './adapters/system.js';
export * from './ports.js';
