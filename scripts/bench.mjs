// `npm run bench`, `npm run bench:engine`, `npm run bench:reconcile`: does the set-up that is missing, then runs the benchmark under Node 24.
import { spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import { root, run } from './common.mjs';
import { environmentWith, prepare } from './setup.mjs';

const programs = new Set(['engine-rows', 'reconcile']);

await run(async () => {
  const node = await prepare({ compile: true });
  process.on('SIGINT', () => {}); // The benchmark hears it too, and its leashes clear up.
  const [name, ...others] = process.argv.slice(2);
  const [program, rest] = programs.has(name) ? [name, others] : ['main', process.argv.slice(2)];
  const { status, signal } = spawnSync(node, [`dist/test/bench/${program}.js`, ...rest], {
    cwd: root,
    stdio: 'inherit',
    env: environmentWith(node),
  });
  process.exitCode = status ?? 128 + constants.signals[signal];
});
