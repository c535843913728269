/** The folder of a world. A leash removes it when the harness ends, however that happens. */
import { mkdtempSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { spawnLeashed, type LeashedProcess } from '../../servers/leashed-process.js';

export type WorldFolder = {
  readonly path: string;
  /** A folder within, made when it is not there. */
  sub(name: string): Promise<string>;
  stop(): Promise<void>;
};

export function openFolder(): WorldFolder {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-faults-'));
  const keeper = leashFolder(folder);
  return {
    path: folder,
    async sub(name) {
      const made = path.join(folder, name);
      await mkdir(made, { recursive: true });
      return made;
    },
    stop: () => keeper.stop(),
  };
}

/** Removes the folder when this process ends, or when told to stop. */
export function leashFolder(folder: string): LeashedProcess {
  return spawnLeashed({ file: 'sleep', args: ['2147483647'], folder, endSignal: 'TERM' });
}
