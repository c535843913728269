export * from './model/in-memory-stock-store.js';
export * from './partitions.js';
export * from './redis/redis-stock-news.js';
export * from './redis/redis-stock-store.js';
export * from './cache/stock-cache.js';
export { StockCells } from './cache/stock-cells.js';
export * from './stock-desk.js';
export * from './stock-store.js';
