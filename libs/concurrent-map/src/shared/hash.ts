/** The hash of a key: every UTF-16 unit counts, so lone surrogates and the empty key are keys like any other. */
export type HashKey = (key: string) => number;

/** FNV-1a over UTF-16 units, finished as in MurmurHash3 so that the low bits depend on every unit. An int32. */
export function hashKey(key: string): number {
  let hash = 0x811c_9dc5 | 0;
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x0100_0193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return hash ^ (hash >>> 16);
}
