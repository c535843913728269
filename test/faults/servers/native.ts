/** Small libraries in C that come between a server and the kernel, compiled where there is a compiler. */
import { execFile } from 'node:child_process';
import { mkdir, rename, stat } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { testDataFolder } from '../../servers/server.js';

const run = promisify(execFile);
const sources = path.resolve('test/faults/native');

/** The path of the compiled library, for LD_PRELOAD; undefined where it cannot be compiled. */
export async function nativeLibrary(name: 'fsync-shim' | 'clock-shim'): Promise<string | undefined> {
  const source = path.join(sources, `${name}.c`);
  const folder = path.join(testDataFolder, 'native');
  const library = path.join(folder, `${name}.so`);
  try {
    const [from, to] = await Promise.all([stat(source), stat(library).catch(() => null)]);
    if (to && to.mtimeMs >= from.mtimeMs) return library;
    await mkdir(folder, { recursive: true });
    const fresh = `${library}.${process.pid}`;
    await run('cc', ['-shared', '-fPIC', '-O2', '-o', fresh, source, '-ldl']);
    await rename(fresh, library);
    return library;
  } catch {
    return undefined;
  }
}
