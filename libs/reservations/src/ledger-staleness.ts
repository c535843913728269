/**
 * How old a read of the ledger may be when a part of a cart is told, on the strength of it, what became of the whole. A slower
 * process does not tell it: that may have changed, if late money has come meanwhile and the part is held for it.
 */
export const actsWithinMs = 4_000;

/** By then everything that rests on a read has happened: Redis takes a call within a second of its sending, or not at all. */
export const doneWithinMs = 6_000;
