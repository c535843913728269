/** The configuration of a command, from the same environment as the service's. */
import { badConfigurationExitCode, createLogger, readConfig, type Config, type Logger } from '#platform';
import { CommandFailure } from './failures.js';

export type CommandContext = { readonly config: Config; readonly logger: Logger };

/**
 * @param options.answersHttp whether it has to do for the service: no command wants keys by which callers are known.
 * @throws CommandFailure with every problem of the environment, exit code 78.
 */
export function readEnvironment({ answersHttp = false } = {}): CommandContext {
  const result = readConfig(process.env, { answersHttp });
  if ('problems' in result) {
    const problems = result.problems.map((problem) => `configuration: ${problem}`);
    throw new CommandFailure(problems.join('\n'), badConfigurationExitCode);
  }
  // What a command prints is its result; the log keeps to what is wrong, and to standard error.
  const level = process.env['LOG_LEVEL'] ? result.config.logLevel : 'warn';
  const stream = { write: (line: string) => void process.stderr.write(line) };
  return { config: result.config, logger: createLogger({ level, readable: false, stream }) };
}
