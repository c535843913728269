/** The configuration of a command, from the same environment as the service's. */
import {
  badConfigurationExitCode,
  createLogger,
  readConfig,
  startFailureOf,
  type Config,
  type Logger,
} from '#platform';

export type CommandContext = { readonly config: Config; readonly logger: Logger };

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

/** @throws CommandFailure with every problem of the environment, exit code 78. */
export function readEnvironment(): CommandContext {
  const result = readConfig(process.env);
  if ('problems' in result) {
    const problems = result.problems.map((problem) => `configuration: ${problem}`);
    throw new CommandFailure(problems.join('\n'), badConfigurationExitCode);
  }
  // What a command prints is its result; the log keeps to what is wrong, and to standard error.
  const level = process.env['LOG_LEVEL'] ? result.config.logLevel : 'warn';
  const stream = { write: (line: string) => void process.stderr.write(line) };
  return { config: result.config, logger: createLogger({ level, readable: false, stream }) };
}

/** The message and exit code for whatever a command threw. */
export function failureOf(error: unknown): { readonly message: string; readonly exitCode: number } {
  if (error instanceof CommandFailure) return error;
  if (error instanceof UsageError) return { message: `${error.message} (see --help)`, exitCode: 2 };
  const failure = startFailureOf(error);
  if (failure) return failure;
  return { message: error instanceof Error ? (error.stack ?? error.message) : String(error), exitCode: 1 };
}
