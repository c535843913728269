/**
 * `npm run soak:map [-- minutes]`, by default 60: rounds of everything that the suite does for seconds, with another seed
 * each, int32 and int64 values in turn: recorded histories, conservation under churn and killed threads, random programs stepped in random orders.
 * Prints a line a round; throws, with the seed, at the first thing that is not as it must be.
 */
import { sample, type Program } from './support/explorer.js';
import { isLinearizable, perKey, type Call, type Operation } from './support/linearizability.js';
import { create } from './support/opened.js';
import { steppedLibrary } from './support/stepped-source.js';
import { randomCall, randomFrom } from './support/tasks.js';
import { Team, together } from './support/team.js';

const minutes = Number(process.argv[2] ?? 60);
const libraries = [steppedLibrary(), steppedLibrary([], true)];

function must(condition: boolean, what: string, seed: number): void {
  if (!condition) throw new Error(`${what}; seed ${seed}`);
}

async function histories(seed: number): Promise<number> {
  const threads = 2 + (seed % 3);
  const wide = seed % 2 === 0;
  const map = create({ entriesMax: 8, wide });
  const options = { rounds: 10_000, seed, keys: 6, clears: false, pace: 0 };
  const history = (await together<Operation[]>(map.buffer, threads, 'record', options)).flat();
  for (const [key, part] of perKey(history)) must(isLinearizable(part), `the history of ${key}`, seed);
  const cleared = create({ entriesMax: 8, wide });
  const few = { rounds: 1_000, seed, keys: 2, clears: true, pace: 40 };
  const whole = (await together<Operation[]>(cleared.buffer, 2, 'record', few)).flat();
  must(isLinearizable(whole), 'a history with clears', seed);
  return history.length + whole.length;
}

async function killings(seed: number): Promise<void> {
  const map = create({ entriesMax: 200, wide: seed % 2 === 0 });
  map.store('stock', 0x3fff_ffff);
  for (let key = 0; key < 30; key++) map.store(`kept-${key}`, key);
  const random = randomFrom(seed);
  for (let round = 0; round < 5; round++) {
    const members = [0, 1, 2].map(() => ({ task: 'anything', options: { rounds: 1e9, seed: seed + round } }));
    const team = await Team.start(map.buffer, members);
    await new Promise((resolve) => setTimeout(resolve, 1 + random(40)));
    await Promise.all(team.workers.map((worker) => worker.terminate()));
    for (let key = 0; key < 30; key++)
      must(map.load(`kept-${key}`) === key, `kept-${key} after a killing`, seed);
  }
  map.clear();
  for (let key = 0; key < 200; key++) map.store(`again-${key}`, key);
  must(map.size === 200, 'room after killings', seed);
}

async function conservation(seed: number): Promise<void> {
  const map = create({ entriesMax: 100, wide: seed % 2 === 0 });
  for (let key = 0; key < 16; key++) map.store(`sku-${key}`, 1_000);
  const move = { task: 'moveUnits', options: { keys: 16, rounds: 200_000, seed } };
  const churn = { task: 'churn', options: { rounds: 20_000, compactEvery: 30 } };
  await (await Team.start(map.buffer, [move, move, churn])).results();
  let units = 0;
  map.range((key, value) => {
    if (key.startsWith('sku-')) units += value;
  });
  must(units === 16_000, `${units} units of 16,000`, seed);
}

function programs(seed: number): number {
  const random = randomFrom(seed);
  const runs = 5_000;
  for (let round = 0; round < runs; round++) {
    const calls = (count: number): Call[] =>
      Array.from({ length: count }, () => {
        const call = randomCall(random, { keys: 4, clears: random(4) === 0 });
        return 'key' in call ? { ...call, key: 'ABCD'[Number(call.key.at(-1))]! } : call;
      });
    const program: Program = {
      setup: calls(random(6)),
      threads: [calls(4), calls(3), calls(3)],
      entriesMax: 6,
    };
    const violation = sample(libraries[round % 2]!, program, random);
    must(violation === undefined, `${JSON.stringify(program)}\n${violation}`, seed);
  }
  return runs;
}

const until = Date.now() + minutes * 60_000;
let operations = 0;
let schedules = 0;
for (let seed = 1; Date.now() < until; seed++) {
  operations += await histories(seed);
  await killings(seed);
  await conservation(seed);
  schedules += programs(seed);
  console.log(
    `round ${seed}: ${operations} recorded operations and ${schedules} stepped programs, all linearizable`,
  );
}
