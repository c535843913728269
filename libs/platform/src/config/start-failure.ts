/** Why a process could not start, where the person who started it can do something about it. */
import { DataFolderError, DataFolderInUseError } from '../embedded/data-folder.js';
import { ServerNotFoundError } from '../embedded/find-redis-server.js';
import { RedisStartError } from '../embedded/redis-process.js';
import { badConfigurationExitCode, ConfigurationError } from './config.js';

/** A required server did not answer in time; the message says what to do. */
export class ServerAwayError extends Error {
  override readonly name = 'ServerAwayError';
}

/** The address cannot be listened on; the message says what to change. */
class CannotListenError extends Error {
  override readonly name = 'CannotListenError';
}

const whyNobodyListens: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program already uses it',
  EACCES: 'this user is not allowed to',
  EADDRNOTAVAIL: 'this machine does not have that address',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'the name of the host could not be looked up',
};

export type ListenAddress = {
  readonly host: string;
  readonly port: number;
  /** The variables that set the address, for the message. */
  readonly variables: string;
};

/** Replaces a system error about listening by one that says what to do. */
export function cannotListen(error: unknown, { host, port, variables }: ListenAddress): unknown {
  const why = whyNobodyListens[(error as NodeJS.ErrnoException).code ?? ''];
  if (why === undefined) return error;
  return new CannotListenError(`cannot listen on port ${port} of ${host}: ${why}. Change ${variables}.`);
}

export type StartFailure = { readonly message: string; readonly exitCode: number };

/** @returns undefined for anything else: a bug or a fault, to be logged with its stack. */
export function startFailureOf(error: unknown): StartFailure | undefined {
  if (error instanceof ConfigurationError) {
    return { message: `configuration: ${error.message}`, exitCode: badConfigurationExitCode };
  }
  const expected = [
    CannotListenError,
    DataFolderError,
    DataFolderInUseError,
    ServerAwayError,
    ServerNotFoundError,
    RedisStartError,
  ];
  if (error instanceof Error && expected.some((kind) => error instanceof kind)) {
    return { message: error.message, exitCode: 1 };
  }
  return undefined;
}
