// `npm run test:races`: does the set-up that is missing, then runs the races in virtual time under Node 24.
import { spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import { root, run } from './common.mjs';
import { environmentWith, prepare } from './setup.mjs';

await run(async () => {
  const node = await prepare({ compile: true });
  process.on('SIGINT', () => {}); // The races hear it too.
  const { status, signal } = spawnSync(node, ['dist/test/races/main.js', ...process.argv.slice(2)], {
    cwd: root,
    stdio: 'inherit',
    env: environmentWith(node),
  });
  process.exitCode = status ?? 128 + constants.signals[signal];
});
