/** The README's lines, run as they stand, against the service as `npm start` runs it. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startProcess, type ServiceProcess } from '../fixtures/service-process.js';

const readme = readFileSync(path.resolve(import.meta.dirname, '../../README.md'), 'utf8');

/** The `sh` blocks, each expectation (`#> text`) turned into a line that carries it beside what was printed. */
function script(): string {
  const blocks = Array.from(readme.matchAll(/^```sh\n([\s\S]*?)^```/gm), ([, block]) => block!);
  return blocks.join('\n').replace(/^#> (.*)$/gm, (_, text: string) => `echo '#> ${text}'`);
}

let dataDir: string;
let service: ServiceProcess;
beforeAll(async () => {
  dataDir = await mkdtemp(path.join(tmpdir(), 'holdfast-readme-'));
  service = await startProcess({ HOLDFAST_DATA_DIR: dataDir });
}, 60_000);
afterAll(async () => {
  await service.stop();
  await rm(dataDir, { recursive: true });
});

test('the sixty seconds do what they say', async () => {
  const lines = script().replace('http://127.0.0.1:3000', service.baseUrl);
  const { stdout } = await promisify(execFile)('bash', ['-euc', lines]);
  const printed = stdout.split('\n').filter((line) => line !== '');
  const expectations = printed.flatMap((line, index) =>
    line.startsWith('#> ') ? [{ wanted: line.slice(3), got: printed[index - 1]! }] : [],
  );
  expect(expectations.length).toBeGreaterThan(9);
  for (const { wanted, got } of expectations) expect(got).toContain(wanted);
});
