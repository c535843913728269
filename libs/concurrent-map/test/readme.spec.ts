/** The README's examples run as they stand there, and print what it says. */
import { describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const room = fileURLToPath(new URL('..', import.meta.url));
const root = path.resolve(room, '../..');
const readme = readFileSync(path.join(room, 'README.md'), 'utf8');
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

describe('an example of the README prints what it says:', () => {
  test.each(examples)('%s', (code, printed) => {
    expect(run('--input-type=module', '--eval', code)).toBe(printed);
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
