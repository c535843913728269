/** The sandbox as a process of its own, until SIGINT or SIGTERM. Its environment is in docs/configuration.md. */
import { z } from 'zod';
import { badConfigurationExitCode } from '#platform';
import { openSandbox } from './open-sandbox.js';

const secret = z.string({ error: 'at least 16 characters' }).min(16, { error: 'at least 16 characters' });
const environment = z.object({
  SANDBOX_PORT: z
    .string()
    .regex(/^[0-9]{1,5}$/, { error: 'a port' })
    .default('3001')
    .transform(Number),
  SANDBOX_HOST: z.string().default('127.0.0.1'),
  SANDBOX_API_KEY: secret,
  SANDBOX_WEBHOOK_SECRET: secret,
  SANDBOX_WEBHOOK_URL: z.url({ error: 'the address of /v1/payments/webhooks/sandbox' }),
  SANDBOX_FILE: z.string().optional(),
});

const read = environment.safeParse(process.env);
if (read.success) {
  const values = read.data;
  const sandbox = await openSandbox({
    port: values.SANDBOX_PORT,
    host: values.SANDBOX_HOST,
    apiKey: values.SANDBOX_API_KEY,
    webhookSecret: values.SANDBOX_WEBHOOK_SECRET,
    file: values.SANDBOX_FILE ?? null,
  });
  sandbox.deliverTo(values.SANDBOX_WEBHOOK_URL);
  process.stdout.write(`The payment sandbox listens on ${sandbox.account.url}\n`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void sandbox.close());
} else {
  for (const { path, message } of read.error.issues)
    process.stderr.write(`configuration: ${path.join('.')}: ${message}\n`);
  process.exitCode = badConfigurationExitCode;
}
