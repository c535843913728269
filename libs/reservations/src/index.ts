export { DriftWatch } from './drift.js';
export * from './open-installation.js';
export * from './open-reservations.js';
export { Reservations } from './reservations.js';
export * from './use-cases.js';
export type { Durability } from './ports.js';
