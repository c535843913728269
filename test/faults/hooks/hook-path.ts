/** Modules that are loaded into services of the harness, as compiled beside them. */
import path from 'node:path';

export function hookPath(name: 'crash-points' | 'planted-bugs'): string {
  return path.resolve(`dist/test/faults/hooks/${name}.js`);
}
