// `npm test`: does the set-up that is missing, runs every Jest project under Node 24 with the arguments given, and ends
// with one line of counts that people and machines can both read: `N passed, N failed, N skipped`.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { run } from './common.mjs';
import { prepare, runUnder } from './setup.mjs';

await run(async () => {
  const node = await prepare({ compile: true });
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-test-'));
  const countsFile = path.join(folder, 'counts.json');
  const code = runUnder(
    node,
    [
      '--experimental-vm-modules',
      '--disable-warning=ExperimentalWarning',
      'node_modules/jest/bin/jest.js',
      ...process.argv.slice(2),
    ],
    { HOLDFAST_TEST_COUNTS: countsFile },
  );
  const counts = readCounts(countsFile) ?? { passed: 0, failed: code === 0 ? 0 : 1, skipped: 0 };
  rmSync(folder, { recursive: true });
  process.stdout.write(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`);
  process.exit(code);
});

function readCounts(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined; // Jest ended before it had run anything.
  }
}
