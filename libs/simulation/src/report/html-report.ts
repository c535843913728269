/**
 * Reports as one page that needs nothing else: data, styles and the plotting library are inside, so that it can be mailed,
 * kept and opened years later.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { SimulationReport } from '#contracts';

const folder = path.join(import.meta.dirname, 'page');
const uplot = path.dirname(createRequire(import.meta.url).resolve('uplot/package.json'));

/** One report, or several beside each other. */
export async function htmlOf(reports: readonly SimulationReport[]): Promise<string> {
  const parts = {
    'uplot.css': path.join(uplot, 'dist/uPlot.min.css'),
    'uplot.js': path.join(uplot, 'dist/uPlot.iife.min.js'),
    'report.css': path.join(folder, 'report.css'),
    'report.js': path.join(folder, 'report.js'),
  };
  let page = await readFile(path.join(folder, 'report.html'), 'utf8');
  for (const [name, file] of Object.entries(parts)) {
    const text = await readFile(file, 'utf8');
    // By a function: a replacement text would read dollar signs as its own.
    page = page.replace(`/* ${name} */`, () => text);
  }
  return page.replace('"reports"', () => withoutMarkup(JSON.stringify(reports)));
}

/** JSON that no HTML parser takes for the end of its element. */
function withoutMarkup(json: string): string {
  return json.replaceAll('<', '\\u003c');
}
