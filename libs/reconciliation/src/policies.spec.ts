import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { matchPolicyDefault } from './matching/match-policy.js';
import { policiesDefault, readPolicies } from './policies.js';
import { walkPolicyOfCommits, walkPolicyOfTime } from './walk/walk-policy.js';

const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-policies-'));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
function fileOf(content: unknown): string {
  const file = path.join(folder, `${(files += 1)}.json`);
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

describe('policies', () => {
  it('without a file are what is built in', () => {
    expect(readPolicies(null)).toBe(policiesDefault);
    expect(policiesDefault.of('stripe')).toMatchObject({ match: matchPolicyDefault, walk: walkPolicyOfTime });
    expect(policiesDefault.of('ours', 'commits').walk).toEqual(walkPolicyOfCommits);
  });

  it('are a provider’s own, else those of default, else what is built in', () => {
    const policies = readPolicies(
      fileOf({
        default: { roundingMax: 2, termHours: 48 },
        stripe: { roundingMax: 0, fees: { EUR: { basisPoints: 150, fixed: 25 }, '*': { basisPoints: 290 } } },
      }),
    );
    expect(policies.of('stripe').match).toEqual({
      ...matchPolicyDefault,
      roundingMax: 0,
      termMs: 48 * 3_600_000,
      fees: {
        EUR: { basisPoints: 150, fixed: 25, tolerance: 0 },
        '*': { basisPoints: 290, fixed: 0, tolerance: 0 },
      },
    });
    expect(policies.of('adyen').match.roundingMax).toBe(2);
  });

  it('say everything that is wrong with a file at once', () => {
    const file = fileOf({
      stripe: { roundingMax: -1, fees: { eur: { basisPoints: 1 } } },
      adyen: { unknown: 1 },
    });
    expect(() => readPolicies(file)).toThrow(/stripe\.roundingMax.*stripe\.fees.*adyen/s);
    expect(() => readPolicies(fileOf('{'))).toThrow(/cannot be read/);
    expect(() => readPolicies(path.join(folder, 'none.json'))).toThrow(/RECONCILIATION_POLICY/);
  });
});
