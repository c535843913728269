/**
 * Programs of the machine: finding them on PATH, asking their version, running them to the end. Everything here returns a
 * value; a missing program is a fact, not an exception.
 */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import path from 'node:path';

/** Tells whoever is waiting what is being done, in one plain line. */
export type Report = (message: string) => void;

export interface Program {
  /** Absolute path of the executable. */
  readonly file: string;
  /** What its environment needs on top of ours. */
  readonly env: Readonly<Record<string, string>>;
  /** For people: the version and where it came from. */
  readonly origin: string;
}

export interface Ended {
  /** The exit code, or -1 when it could not be started or was killed. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const outputBytesMax = 64 * 1024 * 1024;

/** The first of the names that is an executable in one of the folders of `searchPath`. */
export async function findOnPath(
  names: readonly string[],
  searchPath = process.env['PATH'] ?? '',
): Promise<string | undefined> {
  for (const name of names) {
    for (const folder of searchPath.split(path.delimiter).filter(Boolean)) {
      const file = path.resolve(folder, name);
      if (await isExecutable(file)) return file;
    }
  }
  return undefined;
}

export async function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** Runs a program until it ends or `timeoutMs` have passed, with messages in English. Never throws. */
export function runToEnd(
  file: string,
  args: readonly string[],
  options: { cwd?: string; env?: Readonly<Record<string, string>>; timeoutMs?: number } = {},
): Promise<Ended> {
  const { cwd, env = {}, timeoutMs = 0 } = options;
  return new Promise((resolve) => {
    const child = execFile(
      file,
      args,
      {
        ...(cwd === undefined ? {} : { cwd }),
        env: { ...process.env, LC_ALL: 'C', ...env },
        timeout: timeoutMs,
        killSignal: 'SIGKILL',
        maxBuffer: outputBytesMax,
      },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        resolve({ code, stdout, stderr: stderr || (error?.message ?? '') });
      },
    );
    child.stdin?.end();
  });
}

/** The last lines of a text, for an error message. */
export function tail(text: string, lines = 5): string {
  return text.trim().split('\n').slice(-lines).join('\n');
}
