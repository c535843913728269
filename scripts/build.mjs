// Compiles the sources into dist/, carries along what the compiler leaves behind (the Redis functions, the scenarios), and
// bundles the console's page.
// The compiler is native and incremental: with nothing to do it is done in a tenth of a second, so there is no
// fingerprint of ours beside it. Files in dist/ whose source has gone are removed: migrations are found by listing
// their folder, and one that was renamed must not run twice.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildConsole, consoleFolder } from './build-console.mjs';
import { root, run, say, SetupError } from './common.mjs';

const dist = path.join(root, 'dist');
/** What is read as it is. */
const carriedAlong = [
  'libs/stock/src/functions',
  'libs/simulation/src/scenarios',
  'libs/simulation/src/page',
];

/** Brings dist/ up to date, with the compiler running under the given Node. */
export async function build(node = process.execPath) {
  if (!existsSync(dist)) say('compiling');
  const compiler = path.join(root, 'node_modules/@typescript/native/bin/tsc');
  const { status } = spawnSync(node, [compiler, '-p', 'tsconfig.build.json'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) throw new SetupError('the sources do not compile: see the messages above');
  removeOrphans(dist);
  for (const folder of carriedAlong) copyFolder(folder);
  await buildConsole();
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
