/** The table of docs/reliability.md is made of what campaigns have left. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { emptyFigures, type Figures } from '../faults/campaign.js';
import type { FaultName } from '../faults/faults.js';
import { summaryOf } from '../faults/report.js';
import { campaignTable } from '../faults/campaign-table.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'holdfast-figures-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const settings = {
  rounds: 100,
  seed: 1,
  only: ['app-kill'],
  instances: 2,
  partitions: 2,
  buyers: 12,
  durability: 'ledger',
  fsync: 'everysec',
} as const;

function fileOf(seed: number, figures: Partial<Figures>): string {
  const file = path.join(folder, `${seed}.json`);
  const summary = summaryOf({ ...emptyFigures(), ...figures }, { ...settings, seed });
  writeFileSync(file, JSON.stringify(summary));
  return file;
}

const recoveries = (...all: readonly number[]) => all.map((ms) => ({ faults: [], ms }));

test('campaigns are summed up, each in its row, and all of them together', () => {
  const finding = { kind: 'stuck', what: '', round: 1, faults: [] } as const;
  const files = [
    fileOf(7, {
      rounds: 3,
      injected: { 'app killed': 998, 'power cut': 1, 'bytes of the log lost': 17 },
      acknowledgements: 1_000,
      recoveryMs: recoveries(100, 200, 9_000),
    }),
    fileOf(8, {
      rounds: 2,
      injected: { 'app killed': 4 },
      acknowledgements: 500,
      lost: 1,
      findings: [finding, finding],
      recoveryMs: recoveries(300, 400),
    }),
  ];
  const [, , first, second, together] = campaignTable(files).split('\n');
  expect(first).toContain(
    '`--faults app-kill --instances 2 --patience 30 --seed 7` | 3 | 998 app killed, 1 power cut |',
  );
  expect(second).toContain('| 2 | 4 app killed | 500 | 1 | 0 | 0.4 / 0.4 / 0.4 / 0.4 s | 2 stuck | – |');
  expect(together).toContain(
    '| together, 2 campaigns | 5 | 1,002 app killed, 1 power cut | 1,500 | 1 | 0 | 0.3 / 9.0 / 9.0 / 9.0 s | 2 stuck | – |',
  );
});

test('with DURABILITY=redis, what Redis has lost is counted; what is lost while it has everything is a failure', () => {
  const figures: Figures = {
    ...emptyFigures(),
    lost: 1,
    findings: [{ kind: 'lost', what: '', round: 1, faults: [] }],
  };
  const isOk = (durability: 'ledger' | 'redis', ...only: FaultName[]) =>
    summaryOf(figures, { ...settings, durability, only }).ok;
  expect(isOk('redis', 'app-kill', 'power-cut')).toBe(true);
  expect(isOk('redis', 'app-kill', 'redis-kill')).toBe(false);
  expect(isOk('ledger', 'power-cut')).toBe(false);
});

test('a file of something else is refused by its name', () => {
  const file = path.join(folder, 'other.json');
  writeFileSync(file, '{"ok": true}');
  expect(() => campaignTable([file])).toThrow(/other\.json has no figures of a campaign/);
});
