/** `holdfast doctor`: what it found, what is missing, how to mend it. It changes nothing. */
import { statfs } from 'node:fs/promises';
import path from 'node:path';
import { defineCommand } from 'citty';
import { openPostgres, sql } from '#ledger';
import {
  connectForDecisions,
  connectOnce,
  DataFolderInUseError,
  findRedisServer,
  openDataFolder,
  parseRedisUrl,
  unanswered,
  type Config,
} from '#platform';
import { readEnvironment } from './environment.js';
import { jsonArgument, openOutput } from './output.js';

type Finding = {
  readonly part: string;
  readonly state: 'ok' | 'warning' | 'missing';
  readonly found: string;
  /** What to do; empty when nothing is to be done. */
  readonly mend: string;
};

const freeBytesMin = 1024 ** 3;

export const doctor = defineCommand({
  args: { json: jsonArgument },
  async run({ args }) {
    const { config } = readEnvironment({ answersHttp: true });
    const output = await openOutput(args.json);
    const findings: Finding[] = [];
    for (const look of [node, dataFolder, redis, ledger]) {
      const finding = await look(config).catch((error: unknown) => missing(look.name, messageOf(error), ''));
      if (!finding) continue;
      findings.push(finding);
      output.say(`${finding.state.padEnd(8)} ${finding.part.padEnd(12)} ${finding.found}`);
      if (finding.mend) output.say(`${''.padEnd(22)}${finding.mend}`);
    }
    const ok = findings.every(({ state }) => state !== 'missing');
    await output.finish({ ok, findings });
    if (!ok) process.exitCode = 1;
  },
});

async function node(): Promise<Finding> {
  return fine('node', `Node ${process.versions.node}`);
}

async function dataFolder({ embedded, dataDir }: Config): Promise<Finding | undefined> {
  if (!embedded) return undefined;
  const part = 'data folder';
  try {
    openDataFolder(dataDir).close();
  } catch (error) {
    if (error instanceof DataFolderInUseError) {
      const { folder, pid } = error;
      return fine(part, `${folder}, in use by ${pid ? `process ${pid}` : 'a process'}: the service runs`);
    }
    return missing(
      part,
      messageOf((error as Error).cause ?? error),
      'Name a folder that this user may write to: HOLDFAST_DATA_DIR=<folder>.',
    );
  }
  const { bavail, bsize } = await statfs(dataDir);
  const free = bavail * bsize;
  const found = `${path.resolve(dataDir)}, ${(free / 1024 ** 3).toFixed(1)} GiB free`;
  return free >= freeBytesMin
    ? fine(part, found)
    : {
        part,
        state: 'warning',
        found,
        mend: 'Less than 1 GiB is free: Redis and the ledger stop when it is full.',
      };
}

async function redis({ redisUrl, dataDir }: Config): Promise<Finding> {
  if (!redisUrl) {
    const server = await findRedisServer(dataDir, () => undefined);
    return fine('redis', `embedded: ${server.kind === 'docker' ? server.image : server.program.origin}`);
  }
  const target = parseRedisUrl(redisUrl);
  if (!target) return missing('redis', 'REDIS_URL names no Redis', 'See REDIS_URL in docs/configuration.md.');
  const connection = connectForDecisions(target);
  connection.on('error', () => undefined);
  try {
    await connectOnce(connection);
    const info = await connection.info();
    const value = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
    return judgeRedis(value);
  } catch (error) {
    return missing(
      'redis',
      unanswered(target, error),
      'Start Redis 7 or newer there, or leave REDIS_URL out to have one embedded.',
    );
  } finally {
    connection.disconnect();
  }
}

function judgeRedis(value: (name: string) => string): Finding {
  const version = value('redis_version');
  const found = `Redis ${version}, maxmemory-policy ${value('maxmemory_policy')}, append-only file ${value('aof_enabled') === '1' ? 'on' : 'off'}`;
  if (Number.parseInt(version, 10) < 7)
    return missing('redis', found, 'Redis 7.0 or newer is needed: it has functions.');
  if (value('maxmemory_policy') !== 'noeviction') {
    return {
      part: 'redis',
      state: 'warning',
      found,
      mend: 'Set maxmemory-policy noeviction: an evicted key is a partition that must be rebuilt.',
    };
  }
  if (value('aof_enabled') !== '1') {
    return {
      part: 'redis',
      state: 'warning',
      found,
      mend: 'Set appendonly yes: without it every restart of Redis is a rebuild from the ledger.',
    };
  }
  return fine('redis', found);
}

async function ledger({ databaseUrl }: Config): Promise<Finding> {
  if (!databaseUrl) return fine('ledger', 'embedded: PGlite in the data folder');
  const db = openPostgres(databaseUrl, () => undefined, { connectionsMax: 1 });
  try {
    const { rows } = await sql<{ version: string; number: number; sync: string; tables: number }>`
      select current_setting('server_version') as version, current_setting('server_version_num')::integer as number,
        current_setting('synchronous_commit') as sync,
        (select count(*)::integer from information_schema.tables where table_name = 'ledger_entries') as tables`.execute(
      db,
    );
    const { version, number, sync, tables } = rows[0]!;
    const found = `PostgreSQL ${version}, synchronous_commit ${sync}, ${tables ? 'migrated' : 'empty: migrated at the first start'}`;
    if (number < 150_000) return missing('ledger', found, 'PostgreSQL 15 or newer is needed.');
    if (sync === 'off') {
      const mend =
        'Set synchronous_commit on: with off, a power cut takes reservations that were acknowledged.';
      return { part: 'ledger', state: 'warning', found, mend };
    }
    return fine('ledger', found);
  } catch (error) {
    return missing(
      'ledger',
      messageOf(error),
      'Start PostgreSQL 15 or newer there, or leave DATABASE_URL out for PGlite.',
    );
  } finally {
    await db.destroy();
  }
}

function fine(part: string, found: string): Finding {
  return { part, state: 'ok', found, mend: '' };
}

function missing(part: string, found: string, mend: string): Finding {
  return { part, state: 'missing', found, mend };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
