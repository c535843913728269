/**
 * `npm run test:races [-- --races N --seed N]`: a million races for the last unit by default, in virtual time, with what
 * they ended as. Exit 1 and the race that went wrong when one does.
 */
import { parseArgs } from 'node:util';
import { runRaces } from './payment-races.js';

const { values } = parseArgs({
  options: {
    races: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  process.stdout.write('npm run test:races -- [--races N] [--seed N]\n');
} else {
  const startedAt = performance.now();
  const report = await runRaces({
    races: Number(values.races),
    seed: Number(values.seed),
    onProgress: (races) => process.stderr.write(`\r${races} races`),
  });
  process.stderr.write('\n');
  const seconds = Math.round((performance.now() - startedAt) / 100) / 10;
  process.stdout.write(`${JSON.stringify({ ...report, seed: Number(values.seed), seconds }, null, 2)}\n`);
}
