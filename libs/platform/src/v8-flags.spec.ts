import { execFileSync } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { noPretenuringFlag } from './v8-flags.js';

test('V8 knows the flag: one that it has given up would be passed over in silence', () => {
  const known = execFileSync(process.execPath, ['--v8-options'], { encoding: 'utf8' });
  expect(known).toContain(noPretenuringFlag.replace('--no-', '--'));
});
