/**
 * The wall clock of a program of the harness, which can be set while the machine's steady clock goes on. Takes a C compiler
 * (native/clock-shim.c); without one it cannot be set, and whoever wants to says so.
 */
import { copyFile, chmod, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { nativeLibrary } from './native.js';

export class SettableClock {
  private constructor(
    private readonly shiftFile: string,
    private readonly library: string | undefined,
  ) {}

  /**
   * @param folder where the program, whoever runs it, can read what the clock is set to
   * @param name of the program
   */
  static async in(folder: string, name: string): Promise<SettableClock> {
    const compiled = await nativeLibrary('clock-shim');
    // A copy of its own: what is in use must not be written over.
    const library = compiled && path.join(folder, `${name}.clock-shim.so`);
    if (library) {
      await copyFile(compiled, library);
      await chmod(library, 0o755);
    }
    return new SettableClock(path.join(folder, `${name}.clock`), library);
  }

  get canBeSet(): boolean {
    return this.library !== undefined;
  }

  /** What the program is to be started with, beside other libraries that are loaded first. */
  environment(libraries: readonly string[] = []): Record<string, string> {
    const preloaded = [...libraries, ...(this.library ? [this.library] : [])];
    return {
      CLOCK_SHIFT_FILE: this.shiftFile,
      ...(preloaded.length > 0 && { LD_PRELOAD: preloaded.join(' ') }),
    };
  }

  /** Off by so much from now on, also when the program starts again. */
  async set(shiftMs: number): Promise<void> {
    await writeFile(this.shiftFile, `${shiftMs}`);
    // It is read again 20 ms later.
    await sleep(30);
  }
}
