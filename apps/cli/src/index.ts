export * from './replay/replay-incident.js';
