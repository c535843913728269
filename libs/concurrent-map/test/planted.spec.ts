/** Bugs planted into the one-thread map, one edit of its source each: a plain Map beside it must notice every one. */
import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { ConcurrentMap } from '../src/index.js';
import { applyCall, type State } from './support/linearizability.js';
import { callOn, randomCall, randomFrom } from './support/tasks.js';

type Kind = new () => ConcurrentMap<string, number>;

const source = readFileSync(new URL('../src/concurrent-map.ts', import.meta.url), 'utf8');
const bugs: Record<string, [find: string, put: string]> = {
  'a promotion that loses a store': ['if (entry.value === expunged) this.dirty?.set(key, entry);', ''],
  'a promotion that loses a delete': [
    `if (value !== undefined) entry.value = deleted;
  return value;`,
    'return value;',
  ],
  'a promotion before the copy is complete': ['this.copyEntries(Infinity);', ''],
  'a copy that leaves entries behind': [
    'this.uncopiedCount--;',
    'this.uncopiedCount--; this.uncopied.next();',
  ],
  'a copy that expunges what has a value': [
    'if (entry.value === deleted) entry.value = expunged;',
    'if (entry.value === 1) entry.value = expunged;',
  ],
  'a comparison that finds a deleted value': [
    'if (value === deleted || value === expunged) return false;\n  return value === expected',
    'return value === deleted || value === expected',
  ],
  'a clear that keeps the dirty map': [
    'this.read = new Map();\n    this.dropDirty();',
    'this.read = new Map();',
  ],
  'a range that forgets the dirty map': ['if (this.dirty !== undefined) this.promote();', ''],
  'a new key over one of the dirty map': ['this.read.get(key) ?? this.dirty?.get(key)', 'this.read.get(key)'],
  'a conditional delete that forgets a key of the read map': [
    'if (!this.read.has(key)) this.dirty?.delete(key);',
    'this.dirty?.delete(key);\n    entry.value = expected;',
  ],
};

function withBug([find, put]: [string, string]): Kind {
  if (source.split(find).length !== 2) throw new Error(`not exactly once: ${find}`);
  const { outputText } = ts.transpileModule(
    source.replace(find, () => put),
    {
      compilerOptions: { target: ts.ScriptTarget.ES2024, module: ts.ModuleKind.ESNext },
    },
  );
  const body = outputText.replaceAll(/^import .*$/gm, '').replaceAll('export class', 'class');
  // eslint-disable-next-line typescript/no-implied-eval -- it is our own source
  return new Function(`${body}\nreturn ConcurrentMap;`)() as Kind;
}

/** A map that is larger than what one operation copies. */
function largeDifference(kind: Kind): string | undefined {
  const map = new kind();
  for (let key = 0; key < 500; key++) map.store(`${key}`, key);
  map.range(() => false);
  map.store('new', 1);
  let seen = 0;
  map.range(() => void seen++);
  return seen === 501 ? undefined : `${seen} of 501 keys`;
}

/** Random histories with ranges among them; the first answer that a plain Map would not have given, if any. */
function difference(kind: Kind): string | undefined {
  const random = randomFrom(3);
  for (let history = 0; history < 300; history++) {
    const map = new kind();
    let state: State = new Map();
    for (let step = 0; step < 60; step++) {
      const call = randomCall(random, { keys: 5, clears: random(10) === 0 });
      if (['add', 'takeIfAtLeast', 'compact', 'compactStep'].includes(call.op)) continue;
      const expected = applyCall(state, call);
      const answer = callOn(map, call);
      if (answer !== expected.answer) return `${JSON.stringify(call)} -> ${String(answer)}`;
      state = expected.after;
      if (random(12) !== 0) continue;
      const seen = new Map<string, number>();
      map.range((key, value) => void seen.set(key, value));
      if (seen.size !== state.size || [...seen].some(([key, value]) => state.get(key) !== value))
        return 'range';
    }
  }
  return largeDifference(kind);
}

test('the real one answers as a plain Map', () => {
  expect(difference(ConcurrentMap)).toBeUndefined();
});

describe('a planted bug is found:', () => {
  test.each(Object.entries(bugs))('%s', (_, bug) => {
    expect(difference(withBug(bug))).toBeDefined();
  });
});
