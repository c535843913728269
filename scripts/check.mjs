// `npm run check`: every `check:*` script of package.json, under Node 24, each reported, none hidden by an earlier one.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { root, run } from './common.mjs';
import { environmentWith, prepare } from './setup.mjs';

await run(async () => {
  const env = environmentWith(await prepare({ compile: false }));
  const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const checks = Object.entries(scripts).filter(([name]) => name.startsWith('check:'));
  const failed = checks.filter(([name, command]) => !passes(name, command, env)).map(([name]) => name);
  process.stdout.write(failed.length === 0 ? 'checks: all good\n' : `checks: failed: ${failed.join(', ')}\n`);
  process.exit(failed.length === 0 ? 0 : 1);
});

function passes(name, command, env) {
  process.stdout.write(`--- ${name}\n`);
  const { status } = spawnSync(command, { cwd: root, shell: true, stdio: 'inherit', env });
  process.stdout.write(`${status === 0 ? 'ok' : 'FAILED'}: ${name}\n`);
  return status === 0;
}
