// Compiles the sources into dist/, copies what the compiler leaves behind (the Redis functions, the scenarios), and bundles the
// console's page.
// With nothing to do it compares times and sizes of the sources and is done in a hundredth of a second: even incrementally, the
// compiler takes a second of both cores to find that out. Files in dist/ whose source is gone are removed: migrations are found
// by listing their folder, and a renamed one must not run twice.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildConsole, consoleFolder } from './build-console.mjs';
import { root, run, say, SetupError } from './common.mjs';

const dist = path.join(root, 'dist');
/** What dist/ was made from: written last, so that a build that broke off is made again. */
const stampFile = path.join(dist, '.sources');
/** What goes into dist/ or says how. The compiler's packages are those of the lock. */
const sources = [
  'apps',
  'libs',
  'migrations',
  'test',
  'scripts',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'tsconfig.build.json',
];
/** What is copied as it is. */
const copiedFolders = [
  'libs/stock/src/functions',
  'libs/simulation/src/scenario/scenarios',
  'libs/simulation/src/report/page',
];

/** Brings dist/ up to date, with the compiler running under the given Node. */
export async function build(node = process.execPath) {
  const stamp = stampOf(sources);
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return;
  rmSync(stampFile, { force: true });
  if (!existsSync(dist)) say('compiling');
  const compiler = path.join(root, 'node_modules/@typescript/native/bin/tsc');
  const { status } = spawnSync(node, [compiler, '-p', 'tsconfig.build.json'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) throw new SetupError('the sources do not compile: see the messages above');
  removeOrphans(dist);
  for (const folder of copiedFolders) copyFolder(folder);
  await buildConsole();
  writeFileSync(stampFile, stamp);
}

/** A digest of names, times and sizes: a source that was added, changed, renamed or removed makes another one. */
function stampOf(places) {
  const hash = createHash('sha256');
  for (const file of places.flatMap(filesIn)) {
    const { mtimeMs, size } = statSync(path.join(root, file));
    hash.update(`${file} ${mtimeMs} ${size}\n`);
  }
  return hash.digest('hex');
}

function filesIn(place) {
  if (!statSync(path.join(root, place)).isDirectory()) return [place];
  return readdirSync(path.join(root, place), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}

function removeOrphans(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    if (file === consoleFolder) continue; // It keeps itself in order.
    const source = path.join(root, path.relative(dist, file)).replace(/\.js(\.map)?$/, '.ts');
    if (entry.isDirectory()) {
      if (existsSync(source)) removeOrphans(file);
      else rmSync(file, { recursive: true });
    } else if (!entry.name.startsWith('.') && !existsSync(source)) rmSync(file);
  }
}

function copyFolder(folder) {
  const from = path.join(root, folder);
  if (!existsSync(from)) return;
  cpSync(from, path.join(dist, folder), {
    recursive: true,
    preserveTimestamps: true,
    filter: (source, target) => !source.endsWith('.ts') && isNewer(source, target),
  });
}

function isNewer(source, target) {
  if (!existsSync(target)) return true;
  const [from, to] = [statSync(source), statSync(target)];
  return from.isDirectory() || from.mtimeMs !== to.mtimeMs || from.size !== to.size;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await run(() => build());
