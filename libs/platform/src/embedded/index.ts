/** Services that run inside or beside the service when nobody names others: Redis and PostgreSQL without set-up. */
export * from './data-folder.js';
export * from './docker.js';
export * from './find-postgres.js';
export * from './find-redis-server.js';
export * from './free-ports.js';
export * from './leashed-process.js';
export * from './pglite.js';
export * from './serve-pglite.js';
export { isAlive } from './debian-packages.js';
export { findOnPath, type Program, type Report, runToEnd } from './programs.js';
export * from './redis.js';
export * from './throwaway-postgres.js';
export * from './until-it-answers.js';
