/** `holdfast doctor`: what it found, what is missing, how to mend it. It changes nothing. */
import { statfs } from 'node:fs/promises';
import path from 'node:path';
import { defineCommand } from 'citty';
import { adviceOnServer, migrationState, openPostgres, settingsOfServer } from '#ledger';
import {
  adviceOnRedis,
  connectForDecisions,
  connectOnce,
  DataFolderInUseError,
  findRedisServer,
  openDataFolder,
  parseRedisUrl,
  settingsOfRedis,
  unanswered,
  type Config,
  type RedisSettings,
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
  if (!target)
    return missing(
      'redis',
      'REDIS_URL is not the address of a Redis',
      'See REDIS_URL in docs/configuration.md.',
    );
  const connection = connectForDecisions(target);
  connection.on('error', () => undefined);
  try {
    await connectOnce(connection);
    return judgeRedis(await settingsOfRedis(connection));
  } catch (error) {
    return missing(
      'redis',
      unanswered(target, error),
      'Start Redis 7 or newer there, or leave REDIS_URL out to use the embedded one.',
    );
  } finally {
    connection.disconnect();
  }
}

function judgeRedis(settings: RedisSettings): Finding {
  const { version, evictionPolicy, isAppendOnly } = settings;
  const found = `Redis ${version}, maxmemory-policy ${evictionPolicy}, append-only file ${isAppendOnly ? 'on' : 'off'}`;
  if (Number.parseInt(version, 10) < 7)
    return missing('redis', found, 'Redis 7.0 or newer is needed: older ones have no functions.');
  return advised('redis', found, adviceOnRedis(settings));
}

async function ledger({ databaseUrl }: Config): Promise<Finding> {
  if (!databaseUrl) return fine('ledger', 'embedded: PGlite in the data folder');
  const db = openPostgres(databaseUrl, () => undefined, { connectionsMax: 1 });
  try {
    const settings = await settingsOfServer(db);
    const { taken } = await migrationState(db);
    const state = taken.length > 0 ? 'migrated' : 'empty: migrated at the first start';
    const found = `PostgreSQL ${settings.version}, synchronous_commit ${settings.synchronousCommit}, ${state}`;
    if (settings.versionNumber < 150_000)
      return missing('ledger', found, 'PostgreSQL 15 or newer is needed.');
    if (settings.isReadOnly)
      return missing('ledger', found, 'It is read-only, like a standby: name the primary in DATABASE_URL.');
    return advised('ledger', found, adviceOnServer(settings));
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

function advised(part: string, found: string, advice: string | null): Finding {
  return advice === null ? fine(part, found) : { part, state: 'warning', found, mend: advice };
}

function missing(part: string, found: string, mend: string): Finding {
  return { part, state: 'missing', found, mend };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
