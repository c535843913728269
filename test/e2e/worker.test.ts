/** Workers as processes of their own beside several services: each row once, whoever of them is killed. */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { openPostgres, sql, type Database } from '#ledger';
import { SandboxProvider } from '#payments';
import { faultPlan, openSandbox, type Sandbox } from '../../apps/payment-sandbox/src/index.js';
import { eventually } from '../fixtures/holdfast.js';
import {
  describeWithPostgres,
  describeWithRedis,
  testPostgres,
  testRedis,
  type TestDatabase,
} from '../servers/index.js';

const main = path.resolve(import.meta.dirname, '../../dist/apps/cli/src/main.js');
const script = path.resolve(import.meta.dirname, '../../scripts/holdfast.mjs');
const amount = { value: 2_500, currency: 'EUR' };
const orders = 60;

type WorkerProcess = {
  readonly child: ChildProcess;
  readonly health: string;
  /** Lines of its log so far. */
  readonly output: readonly string[];
};

function environment(redis: TestDatabase, postgres: TestDatabase, sandbox: Sandbox): Record<string, string> {
  const { url, apiKey, webhookSecret } = sandbox.account;
  return {
    PATH: process.env['PATH'] ?? '',
    REDIS_URL: redis.url,
    DATABASE_URL: postgres.url,
    NODE_ENV: 'production',
    HOST: '127.0.0.1',
    WORKER_PORT: '0',
    RECONCILIATION_TICK_SECONDS: '1',
    SANDBOX_URL: url,
    SANDBOX_API_KEY: apiKey,
    SANDBOX_WEBHOOK_SECRET: webhookSecret,
    RECONCILIATION_POLICY: policyFile,
  };
}

const policyFile = path.resolve(import.meta.dirname, '../fixtures/reconciliation-policy.json');

/** @param program what `npx holdfast` runs, or what that runs. */
async function startWorker(env: Record<string, string>, program = main): Promise<WorkerProcess> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, 'worker'], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output: string[] = [];
  const health = await new Promise<string>((resolve, reject) => {
    const read = (line: string) => {
      output.push(line);
      const address = /"health":"([^"]+)"/.exec(line)?.[1];
      if (address) resolve(address);
    };
    createInterface(child.stdout).on('line', read);
    createInterface(child.stderr).on('line', read);
    child.once('exit', (code) => reject(new Error(`the worker ended with ${code}:\n${output.join('\n')}`)));
  });
  return { child, health, output };
}

async function end({ child }: WorkerProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  child.kill(signal);
  const [code] = (await once(child, 'exit')) as [number | null];
  return code;
}

/** Payments whose provider has the money, and whose webhooks are lost. */
async function payUnheard(db: Database, provider: SandboxProvider): Promise<void> {
  for (let order = 0; order < orders; order += 1) {
    const [paymentId, reservationId] = [randomUUID(), randomUUID()];
    await sql`insert into reservations (id, status, buyer_id, partitions, created_at, expires_at)
      values (${reservationId}, 'paying', 'ada', '{0}', now(), now() + interval '1 hour')`.execute(db);
    await sql`insert into payments (id, reservation_id, provider, amount, currency, status, created_at)
      values (${paymentId}, ${reservationId}, 'sandbox', ${amount.value}, ${amount.currency}, 'pending', now())`.execute(
      db,
    );
    await provider.createCharge({ paymentId, reservationId, amount });
  }
}

describeWithRedis('a worker', () => {
  describeWithPostgres('of its own', () => {
    let [redis, postgres]: TestDatabase[] = [];
    let sandbox: Sandbox;
    let db: Database;
    const workers: WorkerProcess[] = [];
    beforeAll(async () => {
      const secret = () => randomBytes(16).toString('hex');
      [redis, postgres, sandbox] = await Promise.all([
        testRedis(),
        testPostgres(),
        openSandbox({ port: 0, host: '127.0.0.1', apiKey: secret(), webhookSecret: secret(), file: null }),
      ]);
      sandbox.plan(faultPlan.parse({ delayMs: [0, 10], lose: 1, visibleAfterMs: [0, 200] }));
      db = openPostgres(postgres.url, () => undefined, { connectionsMax: 2 });
    });
    afterAll(async () => {
      await Promise.all(workers.map((worker) => end(worker, 'SIGKILL')));
      await db.destroy();
      await sandbox.close();
      await Promise.all([redis!.stop(), postgres!.stop()]);
    });

    test('two share the work, one is killed in its middle, and each order is captured once', async () => {
      const env = environment(redis!, postgres!, sandbox);
      workers.push(...(await Promise.all([startWorker(env), startWorker(env)])));
      await payUnheard(db, new SandboxProvider(sandbox.account));
      const captured = async () => {
        const { rows } = await sql<{ count: number }>`
          select count(*) as count from payments where status = 'captured'`.execute(db);
        return rows[0]!.count;
      };
      await eventually('some are captured', async () => (await captured()) > 0, 60_000);
      await end(workers[0]!, 'SIGKILL');
      await eventually('all are captured', async () => (await captured()) === orders, 90_000);
      const { rows } = await sql<{ effects: number; done: number }>`
        select count(*) as effects, count(*) filter (where state = 'done') as done from reconciliation_effects`.execute(
        db,
      );
      expect(rows[0]!.effects).toBe(orders);
      const { health } = workers[1]!;
      expect(await (await fetch(`${health}/readyz`)).json()).toMatchObject({ ok: true });
      const figures = async (): Promise<string> => (await fetch(`${health}/metrics`)).text();
      const worked = /holdfast_jobs_total\{job="[a-z.-]+",outcome="done"\} [1-9]/;
      await eventually('it has worked', async () => worked.test(await figures()), 60_000);
      expect(await end(workers[1]!, 'SIGTERM')).toBe(0);
    }, 180_000);

    test('a Redis that refuses what queues need is said, and leaves the process alive', async () => {
      const own = await testRedis({ own: true });
      const redisClient = new Redis(own.url);
      await redisClient.call('ACL', 'SETUSER', 'shop', 'on', '>secret', '~*', '&*', '+@all', '-info');
      redisClient.disconnect();
      const limited = new URL(own.url);
      [limited.username, limited.password] = ['shop', 'secret'];
      const worker = await startWorker({
        ...environment(redis!, postgres!, sandbox),
        REDIS_URL: limited.href,
      });
      workers.push(worker);
      await eventually('it says so', async () =>
        worker.output.some((line) => /NOPERM.*a worker rests/.test(line)),
      );
      const asked = fetch(`${worker.health}/livez`, { signal: AbortSignal.timeout(5_000) });
      expect((await asked).status).toBe(200);
      expect(await end(worker, 'SIGTERM')).toBe(0);
      await own.stop();
    }, 60_000);

    test('a port that somebody has is said before a server is asked', async () => {
      const { port } = new URL(sandbox.account.url);
      const env = { ...environment(redis!, postgres!, sandbox), WORKER_PORT: port };
      const away = { ...env, DATABASE_URL: 'postgres://127.0.0.1:1/nobody' };
      await expect(startWorker(away)).rejects.toThrow(/ended with 1:[^]*Change WORKER_PORT or HOST/);
    });

    test('its script passes on what it is told, and a Redis that is away keeps nobody from stopping', async () => {
      const away = { ...environment(redis!, postgres!, sandbox), REDIS_URL: 'redis://127.0.0.1:1' };
      const worker = await startWorker(away, script);
      workers.push(worker);
      expect(worker.output.join('\n')).toMatch(
        /127\.0\.0\.1:1 did not answer: .*Redis cannot be reached yet/,
      );
      expect((await fetch(`${worker.health}/livez`)).status).toBe(200);
      expect(await end(worker, 'SIGTERM')).toBe(0);
      await expect(fetch(`${worker.health}/livez`)).rejects.toThrow('fetch failed');
    }, 60_000);
  });
});
