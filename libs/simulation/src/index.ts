export * from './html-report.js';
export * from './rehearse.js';
export * from './report.js';
export * from './run.js';
export * from './scenario-file.js';
export * from './simulations.js';
export type { Target } from './stage.js';
export * from './virtual/rehearse-virtually.js';
export * from './virtual/what-if.js';
