// `npm start`: does the set-up that is missing, then runs the service under Node 24 until it ends, with its exit code.
//
// Signals. The service stays in the terminal's process group, so that killing the group kills it too. Ctrl-C reaches
// every process of the group and npm may pass it on once more, so this script may hear it twice: it passes each
// signal on once, and the service ignores what comes while it is already closing. An impatient second Ctrl-C,
// a second later, is passed on again. npm passes SIGTERM to nobody, it just goes: this script notices that it has
// become an orphan. If this script itself is killed outright, the leash makes the service close.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { root, run } from './common.mjs';
import { environmentWith, prepare } from './setup.mjs';

const main = path.join(root, 'dist/apps/cli/src/up.js');
const leash = pathToFileURL(path.join(root, 'scripts/leash.mjs')).href;
const echoMs = 1000;
const orphanPollMs = 250;

await run(async () => {
  const node = await prepare({ compile: true });
  const flags = ['--enable-source-maps', '--disable-warning=ExperimentalWarning', '--import', leash];
  const service = spawn(node, [...flags, main, ...process.argv.slice(2)], {
    cwd: root,
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: environmentWith(node),
  });
  passOn('SIGINT', 'SIGINT', service);
  passOn('SIGTERM', 'SIGTERM', service);
  passOn('SIGHUP', 'SIGTERM', service); // The terminal was closed.
  if (['start', 'npx'].includes(process.env.npm_lifecycle_event)) endWithParent(service);
  service.once('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
});

function passOn(heard, signal, service) {
  let heardMs = -Infinity;
  process.on(heard, () => {
    if (performance.now() - heardMs < echoMs) return;
    heardMs = performance.now();
    service.kill(signal);
  });
}

function endWithParent(service) {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    service.kill('SIGTERM');
  }, orphanPollMs);
}
