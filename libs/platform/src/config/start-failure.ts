/** Why a process could not start, when that is something the person who started it can mend. */
import { DataFolderInUseError } from '../embedded/data-folder.js';
import { ServerNotFoundError } from '../embedded/find-redis-server.js';
import { RedisStartError } from '../embedded/redis-process.js';
import { badConfigurationExitCode, ConfigurationError } from './config.js';

/** A server that is needed did not answer in the time that it was given; the message says what to do. */
export class ServerAwayError extends Error {
  override readonly name = 'ServerAwayError';
}

export type StartFailure = { readonly message: string; readonly exitCode: number };

/** @returns undefined for anything else: a bug or a fault, to be logged with its stack. */
export function startFailureOf(error: unknown): StartFailure | undefined {
  if (error instanceof ConfigurationError) {
    return { message: `configuration: ${error.message}`, exitCode: badConfigurationExitCode };
  }
  const mendable = [DataFolderInUseError, ServerAwayError, ServerNotFoundError, RedisStartError];
  if (error instanceof Error && mendable.some((kind) => error instanceof kind)) {
    return { message: error.message, exitCode: 1 };
  }
  return undefined;
}
