// `npm start`: does the set-up that is missing, then runs the service under Node 24 until it ends, with its exit code.
//
// Signals. The service stays in the terminal's process group, so that killing the group kills it too. Ctrl-C reaches
// every process of the group and npm may pass it on once more, so this script may hear it twice: it passes each
// signal on once, and the service ignores what comes while it is already closing. An impatient second Ctrl-C,
// a second later, is passed on again.
import path from 'node:path';
import { root, run } from './common.mjs';
import { prepare } from './setup.mjs';
import { runInForeground } from './foreground.mjs';

const main = path.join(root, 'dist/apps/cli/src/up.js');

await run(async () => {
  const node = await prepare({ compile: true });
  runInForeground(node, [main, ...process.argv.slice(2)], {
    cwd: root,
    // SIGHUP: the terminal was closed.
    signals: { SIGINT: 'SIGINT', SIGTERM: 'SIGTERM', SIGHUP: 'SIGTERM' },
  });
});
