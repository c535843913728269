// `npm run bench:http`: does the set-up that is missing, then runs the benchmark under Node 24.
import { spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { root, run } from './common.mjs';
import { environmentWith, prepare } from './setup.mjs';

await run(async () => {
  const node = await prepare({ compile: true });
  const hooks = pathToFileURL(path.join(root, 'libs/concurrent-map/test/support/typescript-hooks.mjs')).href;
  const flags = [
    '--conditions=source',
    '--experimental-transform-types',
    '--disable-warning=ExperimentalWarning',
    '--import',
    hooks,
  ];
  const [name, ...rest] = process.argv.slice(2);
  const { status, signal } = spawnSync(node, [...flags, path.join(root, `test/bench/${name}.ts`), ...rest], {
    cwd: root,
    stdio: 'inherit',
    env: environmentWith(node),
  });
  process.exitCode = status ?? 128 + constants.signals[signal];
});
