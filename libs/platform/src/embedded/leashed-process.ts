/**
 * A server that cannot outlive the process that started it, for tests and simulations. A small shell holds the other end of a
 * pipe: when the pipe closes, because its owner ended, crashed or was killed, it ends the server and removes its folder.
 * Nothing relies on clean-up code being reached.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';

export interface LeashedProcess {
  /** Settles when the server has ended and its folder is gone. */
  readonly stop: () => Promise<void>;
  hasEnded(): boolean;
  /** The end of the server's log. */
  log(): string;
}

export interface LeashedCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Belongs to the server alone; removed with it. */
  readonly folder: string;
  /** How the server is asked to end quickly and cleanly. */
  readonly endSignal: 'TERM' | 'INT';
  /** The user it runs as, when not our own. */
  readonly user?: { readonly uid: number; readonly gid: number };
}

// `<&3` and not standard input: a shell gives its background jobs an empty one.
const leash = `
folder=$1; signal=$2; shift 2; exec 3<&0
"$@" >"$folder/log" 2>&1 </dev/null 3<&- &
server=$!
{ while read -r _ <&3; do :; done; kill -s "$signal" $server; } &
wait $server
cd / && rm -rf "$folder"
`;

export function spawnLeashed(command: LeashedCommand): LeashedProcess {
  const { file, args, env, folder, endSignal, user } = command;
  const shell = spawn('/bin/sh', ['-c', leash, 'sh', folder, endSignal, file, ...args], {
    cwd: folder,
    env: { ...process.env, ...env },
    detached: true, // Ctrl-C ends the tests; the closing pipe ends the server.
    stdio: ['pipe', 'ignore', 'ignore'],
    ...user,
  });
  const state = { ended: false };
  const ended = new Promise<void>((resolve) => {
    const end = () => {
      state.ended = true;
      resolve();
    };
    shell.once('exit', end);
    shell.once('error', end);
  });
  shell.stdin.on('error', () => undefined);
  shell.unref();
  (shell.stdin as unknown as { unref(): void }).unref();
  return {
    hasEnded: () => state.ended,
    log: () => readLog(path.join(folder, 'log')),
    async stop() {
      shell.stdin.end();
      shell.ref();
      await ended;
    },
  };
}

/** Removes the folder when this process ends, however that happens, or when told to stop. */
export function leashFolder(folder: string): LeashedProcess {
  return spawnLeashed({ file: 'sleep', args: ['2147483647'], folder, endSignal: 'TERM' });
}

function readLog(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim().split('\n').slice(-8).join('\n');
  } catch {
    return '(no log)';
  }
}
