/** Rehearsals as people run them: real servers, real processes, and a count that believes only what buyers were told. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type SimulationReport, simulationReport } from '#contracts';
import { Client } from '../fixtures/client.js';
import { type PayingService, startService } from '../fixtures/service.js';
import { freePort } from '#platform';
import { testDataFolder } from '../servers/server.js';

const main = path.resolve(import.meta.dirname, '../../dist/apps/cli/src/main.js');

type Ended = { readonly code: number; readonly stdout: string; readonly stderr: string };

function simulate(...args: readonly string[]): Promise<Ended> {
  return simulateWith({}, ...args);
}

function simulateWith(keys: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<Ended> {
  const { PATH, NODE_COMPILE_CACHE } = process.env;
  const env = { PATH, NODE_COMPILE_CACHE, HOLDFAST_DATA_DIR: testDataFolder, ...keys };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', main, 'simulate', ...args],
      { env, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'holdfast-simulate-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** A short sale: everybody comes within a second. */
async function scenarioFile(more: string): Promise<string> {
  const file = path.join(folder, 'scenario.yaml');
  await writeFile(file, `arrivals: { curve: spike, seconds: 1 }\n${more}`);
  return file;
}

test('Holdfast sells what there is while its instance is killed, and every invariant holds', async () => {
  const file = await scenarioFile(
    'buyers: 400\nstock: 40\nrepeatClicks: { share: 0.2, clicks: 1 }\n' +
      'faults: [{ kind: kill-instance, atSeconds: 0.3, seconds: 0.2 }]\n',
  );
  const json = path.join(folder, 'report.json');
  const { code, stdout } = await simulate('--scenario', file, '--seed', '7', '--json', json);
  expect(stdout).toContain('oversold   0');
  expect(stdout).toContain('an instance was killed');
  const report = simulationReport.parse(JSON.parse(await readFile(json, 'utf8')));
  expect(report).toMatchObject({ seed: 7, buyers: 400, stock: 40, accepted: 40, confirmed: 40 });
  expect(report).toMatchObject({ oversold: 0, undersold: 0, interrupted: false });
  expect(report.invariants.map(({ id }) => id)).toContain('I11');
  expect(report.invariants.filter(({ ok }) => !ok)).toEqual([]);
  expect(answered(report)).toBe(report.requests);
  expect(code).toBe(0);
}, 120_000);

test('who pays through a provider that is away for a while gets an order, once it is back', async () => {
  const file = await scenarioFile(
    'buyers: 60\nstock: 10\npayment: { via: sandbox }\n' +
      'faults: [{ kind: provider-outage, atSeconds: 0.2, seconds: 0.5 }]\n',
  );
  const { code, stdout } = await simulate('--scenario', file, '--json', '-');
  const report = simulationReport.parse(JSON.parse(stdout));
  expect(report).toMatchObject({ accepted: 10, confirmed: 10, oversold: 0 });
  expect(report.faults).toHaveLength(1);
  expect(report.invariants.filter(({ ok }) => !ok)).toEqual([]);
  expect(code).toBe(0);
}, 120_000);

test('load-then-store in three instances oversells, and that is counted', async () => {
  const file = await scenarioFile('buyers: 600\nstock: 30\n');
  const { code, stdout } = await simulate(
    '--scenario',
    file,
    '--strategy',
    'load-then-store',
    '--instances',
    '3',
    '--json',
    '-',
  );
  const report = simulationReport.parse(JSON.parse(stdout));
  expect(report.oversold).toBeGreaterThan(0);
  expect(report.accepted).toBe(30 + report.oversold);
  expect(report.invariants.find(({ id }) => id === 'I1')).toMatchObject({ ok: false });
  expect(answered(report)).toBe(report.requests);
  expect(code).toBe(1);
}, 120_000);

describe('on a service that runs already', () => {
  let service: PayingService;
  const keys = () => ({
    HOLDFAST_STOREFRONT_KEY: service.storefrontKey,
    HOLDFAST_ADMIN_KEY: service.adminKey,
  });
  beforeAll(async () => {
    service = await startService();
  }, 90_000);
  afterAll(() => service.stop());

  test('sells SKUs of its own there, and has the service audited', async () => {
    const args = ['--url', service.baseUrl, '--buyers', '300', '--stock', '20', '--json', '-'];
    const { code, stdout, stderr } = await simulateWith(keys(), ...args);
    expect(stderr).toContain('300 buyers for 20 units');
    const report = simulationReport.parse(JSON.parse(stdout));
    expect(report).toMatchObject({ accepted: 20, confirmed: 20, oversold: 0, undersold: 0 });
    expect(report.invariants.find(({ id }) => id === 'I10')).toMatchObject({ ok: true });
    expect(code).toBe(0);
    const reply = await new Client(service).request<{ data: { sku: string; committed: number }[] }>(
      '/v1/skus',
    );
    expect(reply.body.data).toMatchObject([{ sku: expect.stringMatching(/^sim-/), committed: 20 }]);
  }, 120_000);

  test('says what is wrong with the address or a key before anything is asked', async () => {
    const [storefront, admin] = [service.storefrontKey, service.adminKey];
    const other = createServer((_, response) => response.writeHead(404).end()).listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    for (const [more, url, said] of [
      [keys(), `http://127.0.0.1:${await freePort()}`, /no service answers at http:\S+ \(ECONNREFUSED\)/],
      [
        { ...keys(), HOLDFAST_STOREFRONT_KEY: 'nobodys' },
        '',
        /does not know the storefront key.*HOLDFAST_STOREFRONT_KEY/,
      ],
      [
        { ...keys(), HOLDFAST_ADMIN_KEY: storefront },
        '',
        /the key shop is for storefront.*HOLDFAST_ADMIN_KEY/,
      ],
      [
        { ...keys(), HOLDFAST_STOREFRONT_KEY: admin },
        '',
        /the key ops is for admin.*HOLDFAST_STOREFRONT_KEY/,
      ],
      [keys(), `http://127.0.0.1:${port}`, /is not Holdfast \(404\)/],
    ] as const) {
      const { code, stdout, stderr } = await simulateWith(more, '--url', url || service.baseUrl);
      expect(stderr).toMatch(said);
      expect(stderr.trim().split('\n')).toHaveLength(1);
      expect(stdout).toBe('');
      expect(code).toBe(1);
    }
    other.close();
  }, 60_000);

  test.each([
    ['--virtual'],
    ['--crash'],
    ['--instances', '2'],
    ['--strategy', 'redis-only'],
    ['--scenario', 'instance-crash'],
  ])(
    'refuses %s, which it cannot have',
    async (...args) => {
      const { code, stderr } = await simulateWith(keys(), '--url', service.baseUrl, ...args);
      expect(stderr).toMatch(/^holdfast: --url: .* \(see --help\)/);
      expect(code).toBe(2);
    },
    60_000,
  );
});

test('costs are measured on this machine, and virtual time goes by them', async () => {
  const file = await scenarioFile('buyers: 200\nstock: 50\n');
  const { code, stdout } = await simulate('--scenario', file, '--recommend', '--json', '-');
  const { costs, reasoning, instances } = JSON.parse(stdout) as {
    costs: Record<string, number>;
    reasoning: readonly string[];
    instances: number;
  };
  for (const cost of ['acceptedMs', 'paidMs', 'refusedMs']) {
    expect(costs[cost]).toBeGreaterThan(0.01);
    expect(costs[cost]).toBeLessThan(1_000);
  }
  expect(reasoning[0]).toMatch(/^Measured on this machine: /);
  expect(instances).toBeGreaterThanOrEqual(1);
  expect(code).toBe(0);
}, 120_000);

test('wrong usage exits 2 by the name of what is wrong', async () => {
  for (const [args, what] of [
    [['--strategy', 'hope'], '--strategy'],
    [['--scenario', await scenarioFile('buyer: 1\n')], 'buyer: '],
    [['--html', path.join(folder, 'nowhere', 'report.html')], 'cannot be written'],
    [['--url', 'localhost'], '--url'],
    [['--check', '--strategy', 'redlock'], '--check'],
    [['--sweep', 'buyers=10,20', '--html', path.join(folder, 'sweep.html')], '--sweep and --html'],
    [['--sweep', 'buyers=10,20', '--recommend'], '--sweep and --recommend'],
    [['--virtual', '--check'], '--check and --virtual'],
    [['--virtual', '--crash'], '--crash and --virtual'],
    [['--calibrate', '--crash'], '--crash and --calibrate'],
    [['--virtual=no'], '--virtual takes no value'],
    [['--buyers', '0'], '--buyers is a whole number from 1 to 200000'],
  ] as const) {
    const { code, stderr } = await simulate(...args);
    expect(stderr).toContain(what);
    expect(code).toBe(2);
  }
}, 120_000);

test('what cannot be had in virtual time is refused also when the scenario asks for that', async () => {
  const { code, stderr } = await simulate('--scenario', await scenarioFile('time: virtual\n'), '--crash');
  expect(stderr).toContain('--crash and virtual time do not go together');
  expect(code).toBe(2);
});

test('a scenario that is no YAML is said in one sentence', async () => {
  const { code, stderr } = await simulate('--scenario', path.resolve('README.md'));
  expect(stderr).toMatch(/^holdfast: \S+README.md is not YAML: .+\(see --help\)\n$/);
  expect(code).toBe(2);
});

/** Every request came to an end that somebody counted. */
function answered({ accepted, rejected }: SimulationReport): number {
  return accepted + Object.values(rejected).reduce((sum, count) => sum + count, 0);
}
