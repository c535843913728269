/** What can be wrong between the provider and us, and the life of each such finding, as a table. */

/** The codes that the contract names, with what each means to whoever reads the report. */
export const discrepancyCodes = {
  MISSING_EXTERNAL: 'We have it, the provider does not, and the time to wait for it has passed',
  MISSING_INTERNAL: 'The provider has it, we do not',
  LATE_ARRIVAL: 'The provider showed it after that time had been closed; it was applied once',
  BATCH_GAP: 'A statement does not begin where the one before it ended',
  AMOUNT_OVER: 'The provider says more than we do',
  AMOUNT_UNDER: 'The provider says less than we do',
  CURRENCY_MISMATCH: 'The currencies differ',
  DIRECTION_MISMATCH: 'Money moved the other way',
  STATUS_MISMATCH: 'The provider has another status for it than we have',
  DATA_MISMATCH: 'Its references point to different payments',
  DUPLICATE_EXTERNAL: 'The provider said the same twice; it was counted once',
  CONFLICTING_DUPLICATE:
    'The provider said something else under the same id; both are kept, the first counts',
  DUPLICATE_INTERNAL: 'Two of ours for one of theirs',
  FEE_VARIANCE: 'The fee is not what was agreed on, or does not add up',
  FEE_MISSING: 'A fee was agreed on, and none is stated',
  FX_DIFFERENCE: 'The conversion is not what was agreed on',
  ROUNDING: 'Within what rounding explains',
  SPLIT_INCOMPLETE: 'The parts do not add up to the whole yet',
  PAYOUT_NOT_TIED: 'The rows of a payout do not add up to it',
  CHARGEBACK: 'The buyer has taken the money back',
  CHARGEBACK_REVERSED: 'Money that a buyer had taken back is ours again',
  REFUND_FAILED: 'Money that we gave back has come back',
  AMBIGUOUS: 'More than one of ours could be meant',
  SCHEMA_INVALID: 'A row that cannot be read',
} as const;
export type DiscrepancyCode = keyof typeof discrepancyCodes;

export type DiscrepancyState = 'open' | 'assigned' | 'pending' | 'resolved' | 'void';
export type DiscrepancyAction = 'assign' | 'await' | 'resolve' | 'void' | 'reopen';

/** A state: it moves there. `same`: it is so already. `too-late`: it has ended another way. */
export const discrepancyTransitions = {
  open: { assign: 'assigned', await: 'pending', resolve: 'resolved', void: 'void', reopen: 'same' },
  assigned: { assign: 'assigned', await: 'pending', resolve: 'resolved', void: 'void', reopen: 'open' },
  pending: { assign: 'assigned', await: 'same', resolve: 'resolved', void: 'void', reopen: 'open' },
  resolved: { assign: 'too-late', await: 'too-late', resolve: 'same', void: 'too-late', reopen: 'open' },
  void: { assign: 'too-late', await: 'too-late', resolve: 'too-late', void: 'same', reopen: 'open' },
} as const satisfies Record<
  DiscrepancyState,
  Record<DiscrepancyAction, DiscrepancyState | 'same' | 'too-late'>
>;

/** Whether nobody has to do anything about it any more. */
export const hasEnded = (state: DiscrepancyState): boolean => state === 'resolved' || state === 'void';

/** What a look at provider and ledger has come to, before it is compared with what is on record. */
export type Finding = {
  readonly code: DiscrepancyCode;
  /** What it is about: unique within the code. */
  readonly subject: string;
  /** The provider's row. */
  readonly number: number | null;
  readonly paymentId: string | null;
  readonly reservationId: string | null;
  readonly currency: string | null;
  readonly expected: number | null;
  readonly actual: number | null;
  /** One sentence for a person. */
  readonly detail: string;
  /** Why nobody has to look at it: it is on record and resolved from the start. */
  readonly settledBecause?: string;
};
