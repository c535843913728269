export * from './in-memory-stock-store.js';
export * from './partitions.js';
export * from './redis-stock-news.js';
export * from './redis-stock-store.js';
export * from './stock-cache.js';
export { StockCells } from './stock-cells.js';
export * from './stock-desk.js';
export * from './stock-store.js';
