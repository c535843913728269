// Runs a program under Node 24 in the foreground of a script: signals are forwarded to it, and both end together.
//
// npm forwards SIGTERM to nobody, it just exits: a script that npm started notices that it has become an orphan. If the
// script itself is killed outright, exit-with-parent.mjs makes the program close.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './common.mjs';
import { environmentWith, majorOf } from './setup.mjs';

const exitWithParent = pathToFileURL(path.join(root, 'scripts/exit-with-parent.mjs')).href;
// V8 marks the heap with four helpers, and a service on two cores stands still meanwhile (docs/decisions, 63). A Node whose V8
// does not know a flag does not start, so it is only for the one that it was tried with.
const markingFlags = { 24: ['--concurrent-marking-max-worker-num=1'] };
const echoMs = 1000;
const orphanPollMs = 250;

/**
 * Runs the program until it ends, with its exit code.
 * @param signals what is passed on, by what is heard; one that comes twice within a second is one.
 */
export function runInForeground(node, program, { cwd, signals }) {
  const marking = markingFlags[majorOf(node)] ?? [];
  const flags = [
    '--enable-source-maps',
    '--disable-warning=ExperimentalWarning',
    ...marking,
    '--import',
    exitWithParent,
  ];
  const child = spawn(node, [...flags, ...program], {
    cwd,
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: environmentWith(node),
  });
  for (const [heard, signal] of Object.entries(signals)) passOn(heard, signal, child);
  if (['start', 'npx'].includes(process.env.npm_lifecycle_event)) endWithParent(child);
  child.once('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}

function passOn(heard, signal, child) {
  let heardMs = -Infinity;
  process.on(heard, () => {
    if (performance.now() - heardMs < echoMs) return;
    heardMs = performance.now();
    if (signal) child.kill(signal);
  });
}

function endWithParent(child) {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    child.kill('SIGTERM');
  }, orphanPollMs);
}
