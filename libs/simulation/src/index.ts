export * from './rehearse.js';
export * from './report.js';
export * from './scenario-file.js';
export type { Target } from './stage.js';
