#!/usr/bin/env node
// `npx holdfast <command>`: does the set-up that is missing, then runs the command line under Node 24.
import { spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import path from 'node:path';
import { root, run } from './common.mjs';
import { environmentWith, prepare } from './setup.mjs';

const [command, ...rest] = process.argv.slice(2);

if (command === 'up' && rest.length === 0) await import('./start.mjs');
else await run(runCommand);

async function runCommand() {
  const node = await prepare({ compile: true });
  const main = path.join(root, 'dist/apps/cli/src/main.js');
  const flags = ['--enable-source-maps', '--disable-warning=ExperimentalWarning'];
  process.on('SIGINT', () => {}); // The command hears it too, and says what it has so far.
  const { status, signal } = spawnSync(node, [...flags, main, ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: environmentWith(node),
  });
  process.exitCode = status ?? 128 + constants.signals[signal];
}
