/** How a command ends that cannot do what it was asked. */

/** Wrong usage: exit 2, with the message and a pointer to `--help`. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Ends a command with a message and a code, without a stack. */
export class CommandFailure extends Error {
  constructor(
    message: string,
    readonly exitCode: number,
  ) {
    super(message);
  }
}

/** The message and exit code for whatever a command threw. */
export async function failureOf(
  error: unknown,
): Promise<{ readonly message: string; readonly exitCode: number }> {
  if (error instanceof CommandFailure) return error;
  if (error instanceof UsageError) return { message: `${error.message} (see --help)`, exitCode: 2 };
  const { startFailureOf } = await import('#platform');
  const failure = startFailureOf(error);
  if (failure) return failure;
  return { message: error instanceof Error ? (error.stack ?? error.message) : String(error), exitCode: 1 };
}
