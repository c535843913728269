export { KeyReused } from './finality.js';
export * from './open-installation.js';
export * from './open-reservations.js';
export type { Durability } from './ports.js';
export { Reservations } from './reservations.js';
export * from './use-cases.js';
export { ledgerWaitMs } from './wait-for-ledger.js';
export { DriftWatch } from './upkeep/drift.js';
export { Retention } from './upkeep/retention.js';
