/** The room is a package of its own: packed and unpacked elsewhere, it works without the rest of the house. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const room = fileURLToPath(new URL('..', import.meta.url));
const shop = `
  import { Worker } from 'node:worker_threads';
  import { SharedConcurrentMap } from '@holdfast/concurrent-map';
  const stock = SharedConcurrentMap.create({ entriesMax: 10 });
  stock.store('lamp', 5);
  const seller = new Worker(new URL('seller.mjs', import.meta.url), { workerData: stock.buffer });
  seller.on('exit', () => console.log(stock.load('lamp')));`;
const seller = `
  import { workerData } from 'node:worker_threads';
  import { SharedConcurrentMap } from '@holdfast/concurrent-map';
  SharedConcurrentMap.attach(workerData).takeIfAtLeast('lamp', 2);`;

let folder: string;
let unpacked: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'concurrent-map-'));
  execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: room, stdio: 'pipe' });
  const [archive] = readdirSync(folder);
  unpacked = path.join(folder, 'node_modules/@holdfast/concurrent-map');
  mkdirSync(unpacked, { recursive: true });
  execFileSync('tar', ['-xzf', archive!, '-C', unpacked, '--strip-components=1'], { cwd: folder });
});
afterAll(() => rmSync(folder, { recursive: true }));

test('two threads share a map of the packed package', () => {
  writeFileSync(path.join(folder, 'seller.mjs'), seller);
  writeFileSync(path.join(folder, 'shop.mjs'), shop);
  const printed = execFileSync(process.execPath, ['shop.mjs'], { cwd: folder, encoding: 'utf8' });
  expect(printed).toBe('3\n');
});

test('it brings its types and its description, and no tests', () => {
  const files = readdirSync(unpacked, { recursive: true, encoding: 'utf8' });
  expect(files).toEqual(expect.arrayContaining(['README.md', 'dist/index.d.ts', 'dist/index.js']));
  expect(files.filter((file) => /spec|bench|test/.test(file))).toEqual([]);
});
