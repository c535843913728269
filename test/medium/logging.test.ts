/** What becomes of the process when nobody reads its log any more. */
import { once } from 'node:events';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { expect, test } from '@jest/globals';

const logger = path.resolve('dist/libs/platform/src/logging/logger.js');

/** A process that waits for its reader to go, and runs the lines. */
async function logToNobody(lines: string) {
  const program = `
    import { createLogger } from ${JSON.stringify(logger)};
    const logger = createLogger({ level: 'info', readable: false });
    process.stdin.once('end', () => { ${lines} }).resume();`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['pipe', 'pipe', 'ignore'],
    timeout: 20_000,
    killSignal: 'SIGKILL',
  });
  child.stdout.destroy();
  child.stdin.end();
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  return { code, signal };
}

// sonic-boom 4 tried again for ever, in one turn: nothing else of the process ran any more, and no signal was heard.
test('a process whose log nobody reads ends when it dies', async () => {
  const end = await logToNobody(`logger.info('before'); logger.fatal('why'); process.exitCode = 3;`);
  expect(end).toEqual({ code: 3, signal: null });
});
