/** A bug: something that the design says cannot happen. Never a refusal, never a fault of the network. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';

  constructor(
    message: string,
    /** What was seen, for the log. */
    readonly facts: Readonly<Record<string, unknown>> = {},
  ) {
    super(`${message} ${JSON.stringify(facts)}`);
  }
}

/** Throws an {@link InvariantError} with the facts when the condition does not hold. */
export function assert(
  condition: unknown,
  message: string,
  facts?: Readonly<Record<string, unknown>>,
): asserts condition {
  if (!condition) throw new InvariantError(message, facts);
}
