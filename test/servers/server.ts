/** What the sources of test servers have in common. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { dockerAnswers } from '#platform';

export interface TestServer {
  readonly url: string;
  /** For people: what it is and where it came from. */
  readonly origin: string;
  readonly stop: () => Promise<void>;
}

/** Where packages that were fetched for tests stay between runs. */
export const testDataFolder = path.resolve('.holdfast/test');

/** Without an engine Testcontainers looks in many places first: ask before. */
async function mayHaveDocker(): Promise<boolean> {
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
