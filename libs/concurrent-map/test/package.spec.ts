/** The library is a package of its own: packed and unpacked elsewhere, it works without the rest of the project. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const library = fileURLToPath(new URL('..', import.meta.url));
const compiler = fileURLToPath(new URL('../../../node_modules/@typescript/native/bin/tsc', import.meta.url));
const readme = readFileSync(path.join(library, 'README.md'), 'utf8');
/** The files that the README lists, by the names in their first lines. */
const listed = [...readme.matchAll(/```javascript\n\/\/ (\S+)\n(.*?)```/gs)];

const typed = `
  import { ConcurrentMap, ConcurrentMapError, SharedConcurrentInt64Map, SharedConcurrentMap } from '@holdfast/concurrent-map';
  import type { ConcurrentMapErrorCode, ConcurrentMapStats, SharedConcurrentMapOptions } from '@holdfast/concurrent-map';
  const options: SharedConcurrentMapOptions = { entriesMax: 10 };
  const stock: SharedConcurrentMap = SharedConcurrentMap.create(options);
  stock.store('lamp', 5);
  const left: number | undefined = stock.takeIfAtLeast('lamp', 2);
  const money: bigint | undefined = SharedConcurrentInt64Map.create(options).add('ada', 1n);
  const sessions = new ConcurrentMap<string, { visits: number }>();
  const stats: ConcurrentMapStats = sessions.stats();
  // @ts-expect-error a value is a number
  const store = () => stock.store('lamp', 'five');
  let code: ConcurrentMapErrorCode | undefined;
  try {
    store();
  } catch (error) {
    if (error instanceof ConcurrentMapError) code = error.code;
  }
  export const seen: string = [left, money, stats.loads, code].join(' ');`;

let folder: string;
let unpacked: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'concurrent-map-'));
  execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: library, stdio: 'pipe' });
  const [archive] = readdirSync(folder);
  unpacked = path.join(folder, 'node_modules/@holdfast/concurrent-map');
  mkdirSync(unpacked, { recursive: true });
  execFileSync('tar', ['-xzf', archive!, '-C', unpacked, '--strip-components=1'], { cwd: folder });
});
afterAll(() => rmSync(folder, { recursive: true }));

test("two threads share a map of the packed package, as in the README's two files", () => {
  for (const [, name, code] of listed) writeFileSync(path.join(folder, name!), code!);
  const printed = execFileSync(process.execPath, ['shop.mjs'], { cwd: folder, encoding: 'utf8' });
  expect(printed).toBe('3\n');
});

test('a strict TypeScript program compiles against its types, without those of Node, and runs', () => {
  writeFileSync(path.join(folder, 'typed.mts'), `${typed}\n  console.log(seen);`);
  const console = path.join(folder, 'console.d.ts');
  writeFileSync(console, 'declare const console: { log(text: string): void };');
  const flags = '--ignoreConfig --strict --module nodenext --target es2024 --lib es2024 --types';
  execFileSync(process.execPath, [compiler, ...flags.split(' '), '', 'typed.mts', console], { cwd: folder });
  const printed = execFileSync(process.execPath, ['typed.mjs'], { cwd: folder, encoding: 'utf8' });
  expect(printed).toBe('3  0 value-out-of-range\n');
});

test('it brings its types, its licence and its description, and no tests', () => {
  const files = readdirSync(unpacked, { recursive: true, encoding: 'utf8' });
  expect(files).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'dist/index.d.ts', 'dist/index.js']));
  expect(files.filter((file) => /spec|bench|test/.test(file))).toEqual([]);
});
