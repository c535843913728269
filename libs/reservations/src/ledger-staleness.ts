/**
 * How old a look at the ledger may be when a part of a cart is told on the strength of it what became of the whole. Whoever
 * is slower does not tell it: it may be so no more, when money has come late meanwhile and the part is held for that.
 */
export const actsWithinMs = 4_000;

/** By then everything has happened that rests on a look: Redis takes a call within a second of when it was sent, or not at all. */
export const doneWithinMs = 6_000;
