export { DriftWatch } from './drift.js';
export { KeyReused } from './finality.js';
export * from './open-installation.js';
export * from './open-reservations.js';
export { Reservations } from './reservations.js';
export { Retention } from './retention.js';
export * from './use-cases.js';
export { ledgerWaitMs } from './wait-for-ledger.js';
export type { Durability } from './ports.js';
