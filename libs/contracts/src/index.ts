export * from './audit.js';
export * from './headers.js';
export * from './lists.js';
export * from './order.js';
export * from './problem.js';
export * from './reservation.js';
export * from './scalars.js';
export * from './stock.js';
