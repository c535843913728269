/** The benchmarks as people run them, as short as they can be: they start everything, measure, and count what was answered. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { describeWithPostgres } from '../servers/index.js';

const folder = path.resolve(import.meta.dirname, '../../dist/test/bench');
/** A few seconds on a machine that has nothing else to do. */
const patienceMs = 100_000;
const short = ['--seconds', '0.1', '--rounds', '1'];

function bench(program: string, args: readonly string[]): Promise<{ code: number; stdout: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', path.join(folder, `${program}.js`), ...short, ...args],
      { timeout: patienceMs },
      (error, stdout, stderr) => {
        resolve({ code: error ? Number(error.code) : 0, stdout: error ? stdout + stderr : stdout });
      },
    );
  });
}

/** Of a table in Markdown: the name of each row, and its first figure. */
function rowsOf(table: string): Map<string, number> {
  const cells = table.split('\n').map((line) => line.split('|').map((cell) => cell.trim()));
  return new Map(cells.map(([, name = '', figure = '']) => [name, Number(figure.replaceAll(',', ''))]));
}

/** What the program measures, and of it what has to be asked for. */
const runs: [program: string, asked: readonly string[], others: readonly string[]][] = [
  [
    'main',
    ['one script call a request', 'Holdfast: accepted, 1 SKU'],
    ['bare Fastify', 'without HTTP: accepted, 1 SKU, 256 callers'],
  ],
  ['engine-rows', ['cart of 3'], []],
];

describeWithPostgres('the benchmarks', () => {
  test.each(runs)(
    '%s measures, prints its table and ends',
    async (program, asked, others) => {
      const { code, stdout } = await bench(
        program,
        asked.flatMap((row) => ['--only', row]),
      );
      expect({ code, stdout }).toMatchObject({ code: 0 });
      const figures = rowsOf(stdout);
      for (const row of [...asked, ...others]) expect([row, figures.get(row)! > 0]).toEqual([row, true]);
    },
    60_000,
  );
});
