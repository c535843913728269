/** Planted bugs: one edit of the source each, and a program under which the explorer must find it. */
import type { Edit } from './stepped-source.js';

export type Mutant = { readonly foundBy: string; readonly edit: Edit };

const map = 'shared-concurrent-map.ts';
const index = 'shared/index-table.ts';
const records = 'shared/records.ts';
const rebuild = 'shared/rebuild.ts';

export const mutants: Record<string, Mutant> = {
  'a write is a load, then a store': {
    foundBy: 'two takes of the last units',
    edit: {
      file: map,
      find: 'return this.memory.replacePair(handle.cell, current, handle.generation, next, handle.generation);',
      put: 'this.memory.storePair(handle.cell, next, handle.generation); return true;',
    },
  },
  'take decides on one read and writes after another': {
    foundBy: 'two takes of the last units',
    edit: {
      file: map,
      find: 'this.replace(handle, current, current - quantity)',
      put: 'this.replace(handle, this.read(handle), current - quantity)',
    },
  },
  'a store overwrites EXPUNGED': {
    foundBy: 'store of a deleted key against compaction',
    edit: {
      file: map,
      find: `      if (current === EXPUNGED) this.forget(key);
      else if (current === ABSENT) {
        if (this.revive(key, handle, value)) return undefined;`,
      put: `      if (current <= EXPUNGED) {
        if (this.replace(handle, EXPUNGED, value) || this.revive(key, handle, value)) return undefined;
        this.forget(key);`,
    },
  },
  'a known key is not checked against the root': {
    foundBy: 'store against clear',
    edit: {
      file: map,
      find: 'return peek(this.words, header.root) === this.root ? value : EXPUNGED;',
      put: 'return value;',
    },
  },
  'interned keys outlive their root': {
    foundBy: 'known keys after a clear',
    edit: {
      file: map,
      find: 'if (this.root === root) return;\n    this.interned.clear();',
      put: 'if (this.root === root) return;',
    },
  },
  'a first insert does not look whether the key is there': {
    foundBy: 'two first stores of one key',
    edit: {
      file: index,
      find: `if (!records.holdsKey(reference, key, hash)) {`,
      put: `if (reference !== fresh) {`,
    },
  },
  'a first insert takes a foreign slot without confirming the root': {
    foundBy: 'first store against clear and another first store',
    edit: {
      file: index,
      find: 'if (memory.root() !== root) return closed;',
      put: '',
    },
  },
  'a first insert goes into a frozen slot': {
    foundBy: 'store of a deleted key against compaction',
    edit: {
      file: index,
      find: `      if (low !== reference) return closed;
      if (memory.replacePair(at, reference, root, fresh, root)) return linked;`,
      put: `      if (memory.replacePair(at, low, root, low - reference + fresh, root)) return linked;`,
    },
  },
  'a rebuild leaves empty slots open': {
    foundBy: 'first store against compaction',
    edit: {
      file: index,
      find: 'if (memory.replacePair(at, low, tag, FROZEN | DONE, source)) return true;',
      put: 'return true;',
    },
  },
  'a rebuild drops deleted keys without expunging them': {
    foundBy: 'store of a deleted key against compaction',
    edit: {
      file: records,
      find: 'if (this.memory.replacePair(at, ABSENT, generation, EXPUNGED, generation)) return true;',
      put: 'return true;',
    },
  },
  'a rebuild marks a slot done before it is': {
    foundBy: 'exchange against compaction',
    edit: {
      file: index,
      find: 'memory.replacePair(at, low, source, low | FROZEN, source);',
      put: 'memory.replacePair(at, low, source, low | FROZEN | DONE, source);',
    },
  },
  'two helpers put one record into the new index twice': {
    foundBy: 'a sweeper that sleeps through two eras',
    edit: {
      file: index,
      find: 'if ((low & referenceMask) === reference) return true;',
      put: '',
    },
  },
  'clear takes the era that a rebuild is building': {
    foundBy: 'compaction against clear',
    edit: {
      file: rebuild,
      find: 'rootOf(eraOf(source) + 2, indexLog2Of(source))',
      put: 'rootOf(eraOf(source) + 1, indexLog2Of(source))',
    },
  },
  'a sweep does not confirm the root': {
    foundBy: 'a sweeper that sleeps through two eras',
    edit: {
      file: records,
      find: 'if (seen.length === 0 || this.memory.root() !== root) return 0;',
      put: '',
    },
  },
  'a record keeps its generation in its next life': {
    foundBy: 'a taker that sleeps until its record has another key',
    edit: {
      file: records,
      find: '(Atomics.load(words, at + record.generation) + 1) | 0',
      put: 'Atomics.load(words, at + record.generation)',
    },
  },
  'clear keeps the root': {
    foundBy: 'store against clear',
    edit: {
      file: rebuild,
      find: 'if (Atomics.compareExchange(memory.words, header.root, source, target) === source) break;',
      put: 'if (target !== source) break;',
    },
  },
};
