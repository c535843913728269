// Compiles the sources into dist/ and carries along what the compiler leaves behind (the Redis functions).
// The compiler is incremental: a second call with nothing to do takes a fraction of a second.
import { execFileSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const compiler = createRequire(import.meta.url).resolve('@typescript/native/package.json');

execFileSync(process.execPath, [path.join(path.dirname(compiler), 'bin/tsc'), '-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
});
cpSync(path.join(root, 'libs/stock/src/functions'), path.join(root, 'dist/libs/stock/src/functions'), {
  recursive: true,
  filter: (source) => !source.endsWith('.ts'),
});
