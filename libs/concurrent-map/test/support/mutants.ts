/** Planted bugs: one edit of the source each, and a program under which the explorer must find it. */
import type { Edit } from './stepped-source.js';

export type Mutant = {
  readonly foundBy: string;
  /** Found in the map of int64 values. */
  readonly wide?: true;
  readonly edit: Edit;
};

const map = 'shared-concurrent-map.ts';
const index = 'shared/index-table.ts';
const records = 'shared/records.ts';
const rebuild = 'shared/rebuild.ts';
const directory = 'shared/directory.ts';
const wideMap = 'shared-concurrent-int64-map.ts';

export const mutants: Record<string, Mutant> = {
  'a write is a load, then a store': {
    foundBy: 'two takes of the last units',
    edit: {
      file: map,
      find: 'return this.memory.replacePair(cell, current, generation, next, generation);',
      put: 'this.memory.write(cell, next); return true;',
    },
  },
  'take decides on one read and writes after another': {
    foundBy: 'two takes of the last units',
    edit: {
      file: map,
      find: 'this.replace(cell, generation, current, current - quantity)',
      put: 'this.replace(cell, generation, this.read(cell), current - quantity)',
    },
  },
  'a store overwrites EXPUNGED': {
    foundBy: 'store of a deleted key against compaction',
    edit: {
      file: map,
      find: `      if (current === expunged) this.directory.forget(key);
      else if (current === absent) {
        if (this.revive(key, cell, generation, value)) return undefined;`,
      put: `      if (current <= expunged) {
        if (this.replace(cell, generation, expunged, value) || this.revive(key, cell, generation, value)) return undefined;
        this.directory.forget(key);`,
    },
  },
  'a known key is not checked against the root': {
    foundBy: 'store against clear',
    edit: {
      file: map,
      find: 'return this.memory.peekRoot() === this.interned.root ? value : expunged;',
      put: 'return value;',
    },
  },
  'a load of a known key is not checked against the root': {
    foundBy: 'known keys after a clear',
    edit: { file: map, find: 'if (memory.peekRoot() === interned.root) {', put: '{' },
  },
  'a load of a known key is not checked against the root, int64': {
    foundBy: 'known keys after a clear',
    wide: true,
    edit: { file: wideMap, find: 'if (memory.peekRoot() === interned.root) {', put: '{' },
  },
  'interned keys outlive their root': {
    foundBy: 'known keys after a clear',
    edit: {
      file: 'shared/intern-cache.ts',
      find: 'if (this.root === root) return;\n    this.clear();',
      put: 'if (this.root === root) return;',
    },
  },
  'a first insert does not look whether the key is there': {
    foundBy: 'two first stores of one key',
    edit: {
      file: index,
      find: `if (((low ^ hash) & hashMask) !== 0 || !records.holdsKey(reference, key, hash)) {`,
      put: `if (reference !== fresh) {`,
    },
  },
  'a first insert takes a foreign slot without confirming the root': {
    foundBy: 'first store against clear and another first store',
    edit: {
      file: index,
      find: 'if (!this.takesKeys(root)) return closed;',
      put: '',
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
      find: 'if (done) return true;',
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
    foundBy: 'a helper that sleeps through two eras',
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
  'a record of the successor is given away': {
    foundBy: 'growth into the last record',
    edit: {
      file: records,
      find: 'if (age <= 1 || age === eraMask) return false;',
      put: 'if (age <= 1) return false;',
    },
  },
  'a record keeps its generation in its next life': {
    foundBy: 'a taker that sleeps until its record has another key',
    edit: {
      file: records,
      find: '(memory.read(at + record.generation) + 1) | 0',
      put: 'memory.read(at + record.generation)',
    },
  },
  'a new life of a record begins with its value': {
    foundBy: 'a taker that sleeps until its record has another key',
    edit: {
      file: records,
      find: `    memory.write(at + record.generation, (memory.read(at + record.generation) + 1) | 0);
    memory.write(at, value);`,
      put: `    memory.write(at, value);
    memory.write(at + record.generation, (memory.read(at + record.generation) + 1) | 0);`,
    },
  },
  'a record that moves leaves the bits of its hash behind': {
    foundBy: 'growth by two threads, a batch each',
    edit: {
      file: index,
      find: 'const entry = reference | (hash & hashMask);',
      put: 'const entry = reference;',
    },
  },
  'clear keeps the root': {
    foundBy: 'store against clear',
    edit: {
      file: rebuild,
      find: 'if (Atomics.compareExchange(words, header.root, source, target) === source) break;',
      put: 'if (target !== source) break;',
    },
  },
  'a reader does not ask the successor': {
    foundBy: 'growth under a reader',
    edit: {
      file: index,
      find: 'return successor === 0 ? 0 : Math.max(this.probe(successor, key, hash), 0);',
      put: 'return 0;',
    },
  },
  'a new key goes into the successor while the old index is open for it': {
    foundBy: 'growth begins while a first store is under way',
    edit: {
      file: rebuild,
      find: ' || !this.index.evacuateChain(root, target, hash)',
      put: '',
    },
  },
  'a record of the successor is owned by the index before': {
    foundBy: 'growth under two writers of one new key',
    edit: {
      file: directory,
      find: 'if (owner === 0) this.records.handOver(reference, target);',
      put: 'if (owner === 0) this.records.handOver(reference, root);',
    },
  },
  'an index is published when its last batch is moved, the others or not': {
    foundBy: 'growth by two threads, a batch each',
    edit: {
      file: rebuild,
      find: 'memory.countUnder(source, header.batchesMoved) === batches - 1',
      put: 'batch === batches - 1',
    },
  },
  'a range does not wait for the successor': {
    foundBy: 'range beside growth and a delete',
    edit: {
      file: directory,
      find: 'const root = this.rebuilder.settle();',
      put: 'const root = this.memory.root();',
    },
  },
  'a guard is raised after the look at the root': {
    foundBy: 'a taker that sleeps until its record has another key',
    wide: true,
    edit: {
      file: wideMap,
      find: `    const guard = this.guards.raise(cell);
    const isGood = this.memory.root() === this.interned.root;`,
      put: `    const isGood = this.memory.root() === this.interned.root;
    const guard = this.guards.raise(cell);`,
    },
  },
  'a record is given away under a guard': {
    foundBy: 'a taker that sleeps until its record has another key',
    wide: true,
    edit: {
      file: records,
      find: 'return this.guards === undefined || !this.guards.cover(this.cellOf(reference));',
      put: 'return true;',
    },
  },
};
