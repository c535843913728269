/** What the sources of test servers have in common. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { dockerAnswers } from '../../libs/platform/src/embedded/index.js';
import type { LeashedProcess } from './leashed-process.js';

export { freePort, lastingPort } from '../../libs/platform/src/embedded/index.js';

export interface TestServer {
  readonly url: string;
  /** For people: what it is and where it came from. */
  readonly origin: string;
  readonly stop: () => Promise<void>;
}

/** Where packages that were fetched for tests stay between runs. */
export const testDataFolder = path.resolve('.holdfast/test');

/** Without an engine Testcontainers looks in many places first: ask before. */
export async function mayHaveDocker(): Promise<boolean> {
  if (process.env['DOCKER_HOST'] !== undefined || existsSync('/var/run/docker.sock')) return true;
  return dockerAnswers();
}

/** Gives what `start` gives; when Docker cannot, says why and gives nothing. */
export async function fromDocker(
  what: string,
  start: () => Promise<TestServer>,
): Promise<TestServer | undefined> {
  if (!(await mayHaveDocker())) return undefined;
  try {
    return await start();
  } catch (error) {
    const [reason] = (error as Error).message.split('\n');
    process.stderr.write(`${what}: not from Docker (${reason}), trying what is on this machine\n`);
    return undefined;
  }
}

/** Asks until the server answers; fails with its log when it ends or takes too long. */
export async function untilItAnswers(
  what: string,
  server: LeashedProcess,
  answers: () => Promise<unknown>,
): Promise<void> {
  const deadlineMs = performance.now() + 60_000;
  for (;;) {
    try {
      await answers();
      return;
    } catch (error) {
      if (!server.hasEnded() && performance.now() < deadlineMs) await sleep(30);
      else {
        const log = server.log();
        await server.stop();
        throw new Error(`${what} does not answer (${(error as Error).message}):\n${log}`, { cause: error });
      }
    }
  }
}
