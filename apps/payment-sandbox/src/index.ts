export * from './faults.js';
export * from './open-sandbox.js';
