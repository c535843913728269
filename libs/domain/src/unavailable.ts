/** Not now: nothing was acknowledged, and the same request may be sent again. Becomes 503 with `Retry-After`. */
export type UnavailableCode =
  'stock-not-ready' | 'ledger-unavailable' | 'provider-unavailable' | 'overloaded';

export class UnavailableError extends Error {
  override readonly name = 'UnavailableError';
  /** For how long whoever was asked wants to be left alone; undefined: it did not say. */
  readonly restMs: number | undefined;

  constructor(
    readonly code: UnavailableCode,
    message: string,
    /**
     * Whether the work may have been done all the same (a reply was lost, a commit was not seen): then only the
     * same operation id may be tried again. False: certainly nothing happened.
     */
    readonly outcomeUnknown: boolean,
    options: ErrorOptions & { readonly restMs?: number | undefined } = {},
  ) {
    super(message, options);
    this.restMs = options.restMs;
  }
}
