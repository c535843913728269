/**
 * `npm run explore:map [-- schedules]`: the explorer's long programs in every order that matters, as far as the limit goes,
 * by default a million schedules each. The suite runs the first hundred of each.
 */
import { explore } from './support/explorer.js';
import { exhaustible, long } from './support/programs.js';
import { steppedLibrary } from './support/stepped-source.js';

const schedulesMax = Number(process.argv[2] ?? 1_000_000);

for (const wide of [false, true]) {
  const library = steppedLibrary([], wide);
  for (const [name, program] of Object.entries({ ...exhaustible, ...long })) {
    const { schedules, exhaustive, violation } = explore(library, program, schedulesMax);
    console.log(
      `${wide ? 'int64' : 'int32'}, ${name}: ${schedules} schedules${exhaustive ? ', all there are' : ''}`,
    );
    if (violation !== undefined) throw new Error(violation);
  }
}
