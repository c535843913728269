import { expect, it } from '@jest/globals';
import { systemTimers } from '../adapters/system.js';
import type { Timers } from '../ports.js';
import { checkReadiness } from './readiness.js';

const good = { name: 'redis', check: async () => ({ ok: true, detail: 'answers' }) };
const bad = { name: 'ledger', check: async () => Promise.reject(new Error('connection refused')) };
const silent = { name: 'silent', check: () => new Promise<never>(() => {}) };

it('is ready when every part is', async () => {
  expect(await checkReadiness([good], systemTimers)).toEqual({
    ok: true,
    parts: [{ name: 'redis', ok: true, detail: 'answers' }],
  });
});

it('names the part that is not', async () => {
  expect(await checkReadiness([good, bad], systemTimers)).toEqual({
    ok: false,
    parts: [
      { name: 'redis', ok: true, detail: 'answers' },
      { name: 'ledger', ok: false, detail: 'connection refused' },
    ],
  });
});

it('does not wait for a part that never answers', async () => {
  const impatient: Timers = {
    ...systemTimers,
    after(_, call) {
      queueMicrotask(call);
      return { cancel() {} };
    },
  };
  const report = await checkReadiness([silent], impatient);
  expect(report).toMatchObject({ ok: false, parts: [{ name: 'silent', ok: false }] });
});
