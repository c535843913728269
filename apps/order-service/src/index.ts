export * from './create-app.js';
export * from './run.js';
export * from './services.js';
