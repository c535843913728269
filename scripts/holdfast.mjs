#!/usr/bin/env node
// `npx holdfast <command>`: does the set-up that is missing, then runs the command line under Node 24.
import path from 'node:path';
import { root, run } from './common.mjs';
import { prepare } from './setup.mjs';
import { runInForeground } from './foreground.mjs';

const [command, ...rest] = process.argv.slice(2);

if (command === 'up' && rest.length === 0) await import('./start.mjs');
else await run(runCommand);

async function runCommand() {
  const node = await prepare({ compile: true });
  const main = path.join(root, 'dist/apps/cli/src/main.js');
  runInForeground(node, [main, ...process.argv.slice(2)], {
    // Ctrl-C the command hears from the terminal, and says what it has so far.
    signals: { SIGINT: null, SIGTERM: 'SIGTERM', SIGHUP: 'SIGTERM' },
  });
}
