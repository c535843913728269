/**
 * `npm run explore:map [-- schedules [int32 | int64]]`: the explorer's programs in every order that matters, as far as the
 * limit goes, by default a million schedules each, with both kinds of values. The suite runs the first hundred of each
 * long one.
 */
import { explore } from './support/explorer.js';
import { exhaustible, long } from './support/programs.js';
import { steppedLibrary } from './support/stepped-source.js';

const schedulesMax = Number(process.argv[2] ?? 1_000_000);
const kinds = (['int32', 'int64'] as const).filter((kind) => (process.argv[3] ?? kind) === kind);

for (const kind of kinds) {
  const library = steppedLibrary([], kind === 'int64');
  for (const [name, program] of Object.entries({ ...exhaustible, ...long })) {
    const { schedules, exhaustive, violation } = explore(library, program, schedulesMax);
    console.log(`${kind}, ${name}: ${schedules} schedules${exhaustive ? ', all there are' : ''}`);
    if (violation !== undefined) throw new Error(violation);
  }
}
