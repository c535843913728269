/** The README's examples run, under the library's name inside the project, and print what it says. */
import { describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const library = fileURLToPath(new URL('..', import.meta.url));
const root = path.resolve(library, '../..');
const readme = readFileSync(path.join(library, 'README.md'), 'utf8');
const node = [
  '--no-warnings',
  '--conditions=source',
  '--import',
  './libs/concurrent-map/test/support/typescript-hooks.mjs',
];
const run = (...args: string[]): string =>
  execFileSync(process.execPath, [...node, ...args], { cwd: root, encoding: 'utf8' });

const examples = [...readme.matchAll(/```js\n(.*?)```\n+```text\n(.*?)```/gs)].map(([, code, printed]) => [
  code!,
  printed!,
]);
/** Inside the project the package goes by its import name; test/package.spec.ts uses the published one. */
const inHouse = (code: string): string => code.replaceAll('@holdfast/concurrent-map', '#concurrent-map');

describe('an example of the README prints what it says:', () => {
  test.each(examples)('%s', (code, printed) => {
    expect(run('--input-type=module', '--eval', inHouse(code))).toBe(printed);
  });

  test('there are some', () => expect(examples.length).toBeGreaterThan(2));
});

test("the document's reservation oversells, compareAndSwap and takeIfAtLeast do not", () => {
  expect(run('libs/concurrent-map/test/examples/flash-sale.ts')).toBe(
    'load, then store: some units were sold twice\n' +
      'load and compareAndSwap: every unit was sold once\n' +
      'takeIfAtLeast: every unit was sold once\n',
  );
});
