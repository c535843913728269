/**
 * Every bound of the service, named once, unit last. A request beyond one of them is refused by its schema; the
 * stock functions and the ledger's constraints state the ones that protect stock again.
 */
export const limits = {
  /** Largest number that counts units or milliseconds: beyond it a double no longer tells neighbours apart. */
  unitsMax: Number.MAX_SAFE_INTEGER,
  /**
   * Of one amount of money: more than anybody has ever paid at once, and little enough that a net, a difference or a
   * handful of amounts is a number that counts exactly.
   */
  minorUnitsMax: 999_999_999_999_999,
  cartLinesMax: 50,
  ttlSecondsMin: 1,
  ttlSecondsMax: 86_400,
  holdTtlSecondsDefault: 600,
  buyerIdLengthMax: 128,
  reasonLengthMax: 500,
  metadataBytesMax: 4_096,
  idempotencyKeyLengthMax: 255,
  bodyBytesMax: 64 * 1024,
  pageSizeDefault: 50,
  pageSizeMax: 1_000,
} as const;
