// `node scripts/run-compiled.mjs PROGRAM [ARGUMENTS]`: does the set-up that is missing, then runs a compiled program of the
// project, named by its path without the ending, under Node 24.
import path from 'node:path';
import { root, run } from './common.mjs';
import { prepare, runUnder } from './setup.mjs';

const [program, ...rest] = process.argv.slice(2);

await run(async () => {
  const node = await prepare({ compile: true });
  process.exitCode = runUnder(node, [path.join(root, 'dist', `${program}.js`), ...rest]);
});
