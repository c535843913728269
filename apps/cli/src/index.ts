export * from './incident/replay-incident.js';
