// Bundles the console into dist/apps/console: one script and one style sheet, named by their content so that browsers
// may keep them for ever, and the page that names them. A bundle takes a twentieth of a second, so there is no
// fingerprint of ours beside it either.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root, SetupError } from './common.mjs';

export const consoleFolder = path.join(root, 'dist/apps/console');
const source = path.join(root, 'apps/console/src');

/** Brings the console's bundle up to date; what is there already is not written again. */
export async function buildConsole() {
  const { build } = await import('esbuild'); // Not before there are dependencies.
  const { outputFiles, metafile } = await build({
    entryPoints: { console: path.join(source, 'main.tsx'), style: path.join(source, 'styles/index.css') },
    outdir: path.join(consoleFolder, 'assets'),
    entryNames: '[name]-[hash]',
    absWorkingDir: root,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    write: false,
    metafile: true,
    logLevel: 'silent',
  }).catch((error) => {
    throw new SetupError(`the console does not bundle: ${error.message}`);
  });
  const names = Object.keys(metafile.outputs).map((name) => path.basename(name));
  const page = readFileSync(path.join(source, 'index.html'), 'utf8')
    .replace(
      '{{script}}',
      names.find((name) => name.endsWith('.js')),
    )
    .replace(
      '{{style}}',
      names.find((name) => name.endsWith('.css')),
    );
  mkdirSync(path.join(consoleFolder, 'assets'), { recursive: true });
  for (const { path: file, contents } of outputFiles) if (!existsSync(file)) writeFileSync(file, contents);
  writePage(path.join(consoleFolder, 'index.html'), page);
  for (const name of readdirSync(path.join(consoleFolder, 'assets'))) {
    if (!names.includes(name)) rmSync(path.join(consoleFolder, 'assets', name));
  }
}

function writePage(file, page) {
  if (!existsSync(file) || readFileSync(file, 'utf8') !== page) writeFileSync(file, page);
}
