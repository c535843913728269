// `npm run pictures`: does the set-up that is missing, then makes the pictures of docs/images under Node 24.
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
  const { status, signal } = spawnSync(node, [...flags, path.join(root, 'test/pictures/main.ts')], {
    cwd: root,
    stdio: 'inherit',
    env: environmentWith(node),
  });
  process.exitCode = status ?? 128 + constants.signals[signal];
});
