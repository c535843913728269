/** The folder of a world. A leash removes it when the harness ends, however that happens. */
import { mkdtempSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { leashFolder } from '#platform';

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
