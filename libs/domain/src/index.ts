export * from './invariant.js';
export * from './journal-entry.js';
export * from './limits.js';
export * from './order.js';
export * from './partition-record.js';
export * from './reservation.js';
export * from './stock-level.js';
export * from './unavailable.js';
