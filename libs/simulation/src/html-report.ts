/**
 * Reports as one page that needs nothing else: data, styles and the plotting library are inside, so that it can be mailed,
 * kept and opened years later.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { SimulationReport } from '#contracts';

const template = path.join(import.meta.dirname, 'page/report.html');
const uplot = path.dirname(createRequire(import.meta.url).resolve('uplot/package.json'));

/** One report, or several beside each other. */
export async function htmlOf(reports: readonly SimulationReport[]): Promise<string> {
  const [page, script, style] = await Promise.all([
    readFile(template, 'utf8'),
    readFile(path.join(uplot, 'dist/uPlot.iife.min.js'), 'utf8'),
    readFile(path.join(uplot, 'dist/uPlot.min.css'), 'utf8'),
  ]);
  // By functions: a replacement text would read dollar signs as its own.
  return page
    .replace('/* uplot.css */', () => style)
    .replace('/* uplot.js */', () => script)
    .replace('"reports"', () => withoutMarkup(JSON.stringify(reports)));
}

/** JSON that no HTML parser takes for the end of its element. */
function withoutMarkup(json: string): string {
  return json.replaceAll('<', '\\u003c');
}
