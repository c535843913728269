/** Replication links that can be cut: replicas log in under a name of their own, which a master can be told to refuse. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisNode } from './redis-node.js';

const [name, password] = ['replica', 'replica-of-the-tests'];

/** Settings of every node, master or not: it may become the other. */
export const linkUser = [
  `--user ${name} on >${password} ~* &* +@all`,
  `--masteruser ${name} --masterauth ${password}`,
  // A replica is given what it lacks at once.
  '--repl-diskless-sync-delay 0',
].flatMap((setting) => setting.split(' '));

/** From now on no replica hears of what this master does. */
export async function cutLink(master: RedisNode): Promise<void> {
  await master.ask(async (redis) => {
    await redis.call('ACL', 'SETUSER', name, 'off');
    await redis.call('CLIENT', 'KILL', 'TYPE', 'replica');
  });
}

export async function mendLink(node: RedisNode): Promise<void> {
  await node.ask((redis) => redis.call('ACL', 'SETUSER', name, 'on'));
}

/** Far more than any of it takes; a machine may stand still for a while. */
const patienceMs = 120_000;

/** Looks until it is there. */
export async function untilFound<Found>(
  what: string,
  find: () => Promise<Found | undefined>,
): Promise<Found> {
  let found: Found | undefined;
  await untilIt(what, async () => (found = await find()) !== undefined);
  return found!;
}

/** Asks until it is so. */
export async function untilIt(
  what: string,
  isSo: () => Promise<boolean>,
  withinMs = patienceMs,
): Promise<void> {
  const giveUpAtMs = performance.now() + withinMs;
  while (!(await isSo().catch(() => false))) {
    if (performance.now() > giveUpAtMs) throw new Error(`not within ${withinMs} ms: ${what}`);
    await sleep(30);
  }
}
