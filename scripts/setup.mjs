// The set-up that `npm start`, `npm test` and `npm run check` share, so that each is the only command a newcomer
// needs: dependencies as locked, a Node that is new enough, and a fresh build. Plain JavaScript without
// dependencies, because it runs before there are any and under whatever Node (20 or newer) the machine has.
//
// With nothing to do it reads two files and returns. With something to do it holds a lock that the kernel drops with
// the process, so that `npm start` and `npm test` side by side do not install over each other.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { constants } from 'node:os';
import path from 'node:path';
import { build } from './build.mjs';
import { root, say, SetupError } from './common.mjs';

const nodeMajorMin = 24;
const modules = path.join(root, 'node_modules');
const stampFile = path.join(modules, '.holdfast-setup');
const lockPollMs = 250;

/**
 * Does what is missing: dependencies, and with `compile` the build.
 * @returns the path of a Node of at least version 24, to run everything else with.
 */
export async function prepare({ compile }) {
  if (!dependenciesAreFresh()) await underLock('the other set-up', installDependencies);
  const node = findNode();
  if (compile) await underLock('the other build', () => build(node));
  return node;
}

/**
 * The environment for children: the right Node and the project's own tools come first, and what V8 has compiled is kept
 * for the next start.
 */
export function environmentWith(node) {
  const places = [path.dirname(node), path.join(modules, '.bin'), process.env.PATH ?? ''];
  return {
    NODE_COMPILE_CACHE: path.join(modules, '.cache/holdfast'),
    ...process.env,
    PATH: places.join(path.delimiter),
  };
}

/** Runs a program until it ends. @returns its exit code */
export function runUnder(node, args, environment = {}) {
  process.on('SIGINT', () => {}); // The program hears it too, and ends in its own way.
  const { status, signal } = spawnSync(node, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...environmentWith(node), ...environment },
  });
  return status ?? 128 + constants.signals[signal];
}

function dependenciesAreFresh() {
  const wanted = lockHash();
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wanted) return true;
  if (!installedAsLocked()) return false;
  writeFileSync(stampFile, wanted);
  return true;
}

function lockHash() {
  const lock = readFileSync(path.join(root, 'package-lock.json'));
  return createHash('sha256').update(lock).update(`${process.platform}-${process.arch}`).digest('hex');
}

/** Whether an npm run by hand has already put in place what the lock wants. npm writes its own record last. */
function installedAsLocked() {
  const record = path.join(modules, '.package-lock.json');
  if (!existsSync(record)) return false;
  const present = JSON.parse(readFileSync(record, 'utf8')).packages;
  const wanted = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')).packages;
  return Object.entries(wanted).every(([place, entry]) => {
    const found = present[place];
    if (place === '' || (!found && (entry.optional || entry.devOptional || entry.peer))) return true;
    return found?.version === entry.version && found.integrity === entry.integrity;
  });
}

function installDependencies() {
  if (dependenciesAreFresh()) return;
  say('installing the dependencies of package-lock.json (a minute or two the first time)');
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const flags = ['ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status, error } = spawnSync(npm, flags, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (error) throw new SetupError(`npm could not be started (${error.message}): install npm, then try again`);
  if (status !== 0) {
    throw new SetupError(`npm ci failed (exit ${status}): see its message above, fix that, then try again`);
  }
  writeFileSync(stampFile, lockHash());
}

function findNode() {
  const bundled = path.join(modules, '.bin', 'node');
  const found = [process.execPath, bundled].find((file) => majorOf(file) >= nodeMajorMin);
  if (found) return found;
  throw new SetupError(
    `Node ${nodeMajorMin} or newer is needed, this is ${process.version}, and the bundled one (Linux on x64 or ` +
      `arm64 with glibc) does not run here: install Node ${nodeMajorMin} from https://nodejs.org, then try again`,
  );
}

/** Of a Node; 0 when there is none. */
export function majorOf(file) {
  if (file === process.execPath) return Number.parseInt(process.versions.node, 10);
  if (!existsSync(file)) return 0;
  const { stdout } = spawnSync(file, ['--version'], { encoding: 'utf8' });
  return Number.parseInt((stdout ?? '').replace('v', ''), 10) || 0;
}

/**
 * Runs `work` while no other process does on this folder. The lock is a listening socket with a name and no file
 * (Linux) or a pipe (Windows): it goes with its process, however that ends. Elsewhere there is none.
 */
async function underLock(what, work) {
  const server = await takeLock(what);
  try {
    return await work();
  } finally {
    server?.close();
  }
}

async function takeLock(what) {
  const name = `holdfast-setup-${createHash('sha256').update(root).digest('hex').slice(0, 16)}`;
  const address = { linux: `\0${name}`, win32: `\\\\.\\pipe\\${name}` }[process.platform];
  if (!address) return undefined;
  for (let said = false; ;) {
    const taken = await listen(address);
    if (taken.server) return taken.server;
    if (taken.code !== 'EADDRINUSE') return undefined;
    if (!said) say(`waiting for ${what} in this folder to finish`);
    said = true;
    await new Promise((resolve) => setTimeout(resolve, lockPollMs));
  }
}

function listen(address) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => resolve({ code: error.code }));
    server.listen(address, () => resolve({ server }));
  });
}
