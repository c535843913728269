import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { readScenario, shippedScenarios } from './scenario-file.js';

const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-scenarios-'));
const file = path.join(folder, 'sale.yaml');
afterAll(() => rmSync(folder, { recursive: true }));

function read(text: string) {
  writeFileSync(file, text);
  return readScenario(file);
}

test('every shipped scenario can be read by its name', async () => {
  const names = await shippedScenarios();
  expect(names).toContain('single-hot-sku');
  for (const name of names) expect(await readScenario(name)).toMatchObject({ name });
});

test('a scenario takes what it does not say from the defaults, and the rest from the command line', async () => {
  writeFileSync(file, 'buyers: 5\nstock: 2\n');
  expect(await readScenario(file, { buyers: 9 })).toMatchObject({
    buyers: 9,
    stock: 2,
    strategy: 'holdfast',
  });
});

test.each([
  ['buyers: many', 'buyers: '],
  ['buyers: 1e9', 'buyers: '],
  ['buyer: 5', 'buyer: '],
  ['arrivals: { curve: spike }', 'arrivals.seconds: '],
  ['arrivals: { curve: wave, seconds: 1 }', 'arrivals.curve: '],
  ['faults: [{ kind: fire, atSeconds: 1 }]', 'faults[0].kind: '],
  ['payment: { delaySeconds: { min: 2, max: 1 } }', 'payment.delaySeconds.max: '],
  ['payment: { declineShare: 0.6, abandonShare: 0.6 }', 'payment.abandonShare: '],
  ['cart: { linesMax: 2 }', 'cart.linesMax: '],
  ['time: virtual\nstrategy: redlock', 'strategy: '],
  ['strategy: redlock\nrestocks: [{ atSeconds: 1, units: 1 }]', 'strategy: '],
  ['arrivals: { curve: steady, seconds: 9999 }', 'arrivals.seconds: '],
  ['strategy: redlock\npayment: { via: sandbox }', 'strategy: '],
  ['time: virtual\npayment: { via: sandbox }', 'payment.via: '],
  ['faults: [{ kind: provider-outage, atSeconds: 1 }]', 'faults: '],
  ['buyers: 1\nbuyers: 2', 'unique'],
  ['- a list', 'a list of fields'],
  ['buyers: [', 'line 1'],
  ['bots: { count: 10000, requestsEach: 1000 }', 'bots: '],
])('%s is refused by the name of the field', async (text, named) => {
  await expect(read(text)).rejects.toThrow(named);
});

test('a name that nobody knows is answered with those that are known', async () => {
  await expect(readScenario('nothing-such')).rejects.toThrow('single-hot-sku');
});
