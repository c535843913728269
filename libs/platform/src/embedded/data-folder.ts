/**
 * The folder that holds all data of the embedded servers. One process uses it at a time: two PGlites on one folder would
 * destroy each other's pages. The lock is SQLite's exclusive lock on a file in the folder, which the kernel releases when the
 * process ends, however it ends. A file beside it names the holder, for the error message of a second process.
 */
import { existsSync, mkdirSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { systemClock, systemTimers } from '../adapters/system.js';
import type { Report } from './programs.js';

export interface DataFolder {
  /** Absolute, without symbolic links. */
  readonly path: string;
  /** Lets another process have it. */
  close(): void;
}

/** Another process works in the folder. */
export class DataFolderInUseError extends Error {
  readonly code = 'data-folder-in-use';
  /** For who does not want the folder for himself. */
  readonly fact: string;
  constructor(
    readonly folder: string,
    /** The process that holds it, where it has said so. */
    readonly pid: number | undefined,
  ) {
    const holder = pid === undefined ? 'another process' : `process ${pid}`;
    const fact = `The data folder ${folder} is in use by ${holder}`;
    super(`${fact}. Stop that process, or give this one a folder of its own: HOLDFAST_DATA_DIR=<folder>.`);
    this.fact = fact;
  }
}

/** The folder cannot be made or written to. */
export class DataFolderError extends Error {
  readonly code = 'data-folder-unusable';
  constructor(folder: string, cause: Error) {
    super(
      `The data folder ${folder} cannot be used: ${cause.message}. Mend that, or give this process another one: ` +
        `HOLDFAST_DATA_DIR=<folder>.`,
      { cause },
    );
  }
}

const lockFile = 'holdfast.lock';
const holderFile = 'holdfast.pid';
const busyErrorCode = 5; // SQLITE_BUSY
const pollMs = 100;

/**
 * Creates the folder where it is missing (only its owner may enter) and takes it for this process.
 * @throws DataFolderInUseError at once when another process, or another caller in this one, has it; DataFolderError
 */
export function openDataFolder(folder: string): DataFolder {
  try {
    return takeFolder(folder);
  } catch (error) {
    if (error instanceof DataFolderInUseError) throw error;
    throw new DataFolderError(path.resolve(folder), error as Error);
  }
}

function takeFolder(folder: string): DataFolder {
  makeFolder(path.resolve(folder));
  const real = realpathSync(folder);
  const lock = new DatabaseSync(path.join(real, lockFile));
  try {
    lock.exec('pragma locking_mode = exclusive; begin exclusive');
  } catch (error) {
    lock.close();
    if ((error as { errcode?: number }).errcode !== busyErrorCode) throw error;
    throw new DataFolderInUseError(real, holderOf(real));
  }
  writeFileSync(path.join(real, holderFile), `${process.pid}\n`, { mode: 0o600 });
  return { path: real, close: () => lock.close() };
}

/** With those above it. Node's own recursion never ends where a folder takes no other one, as /proc. */
function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && statSync(folder).isDirectory()) return;
    const above = path.dirname(folder);
    if (code !== 'ENOENT' || existsSync(above)) throw error;
    makeFolder(above);
    makeFolder(folder);
  }
}

/**
 * As openDataFolder, but gives a process that is just ending the time to end: whoever restarts the service does not
 * always wait for the old one.
 * @throws DataFolderInUseError when the folder is not free within `waitMs`
 */
export async function waitForDataFolder(
  folder: string,
  options: { waitMs: number; report: Report },
): Promise<DataFolder> {
  const deadlineMs = systemClock.monotonicMs() + options.waitMs;
  for (let said = false; ; said = true) {
    try {
      return openDataFolder(folder);
    } catch (error) {
      if (!(error instanceof DataFolderInUseError) || systemClock.monotonicMs() >= deadlineMs) throw error;
      if (!said) options.report(`the data folder is in use by process ${error.pid}: waiting for it to end`);
    }
    await systemTimers.sleep(pollMs);
  }
}

function holderOf(folder: string): number | undefined {
  try {
    return Number.parseInt(readFileSync(path.join(folder, holderFile), 'utf8'), 10) || undefined;
  } catch {
    return undefined; // It has the lock and has not yet said who it is.
  }
}
