/**
 * The environment, read once at start and checked as a whole, so that every mistake in it is reported at once, not just the
 * first. docs/configuration.md describes every variable.
 */
import { z } from 'zod';
import { type ApiKey, apiKey, developmentKeys, parseApiKeys } from './api-keys.js';
import { parseRedisUrl } from '../redis.js';

export type Config = {
  readonly production: boolean;
  /** 0: any free port. */
  readonly port: number;
  readonly host: string;
  /** Null: embedded. */
  readonly redisUrl: string | null;
  /** Null: embedded. */
  readonly databaseUrl: string | null;
  /** Redis, the ledger or both are embedded. */
  readonly embedded: boolean;
  readonly dataDir: string;
  readonly durability: 'ledger' | 'redis';
  /** Threads that answer HTTP; 1: the main thread does. 1 to 64. */
  readonly httpThreads: number;
  /** 1 to 256. */
  readonly partitions: number;
  readonly apiKeys: readonly ApiKey[];
  /** The development keys are accepted, because embedded mode was given no others. */
  readonly developmentKeys: boolean;
  /** How long a payment keeps the units of its reservation, at least. 1 to 86,400. */
  readonly paymentTtlSeconds: number;
  /** How long answers under Idempotency-Keys are kept, at least. 1 to 3,650. */
  readonly idempotencyKeyDays: number;
  /** Calls that are worked on at once; more are answered 503 `overloaded`. 16 to 100,000. */
  readonly callsInFlightMax: number;
  /** The payment sandbox as a provider; null: not used, or the one in this process. */
  readonly sandbox: SandboxConfig | null;
  /** Stripe as a provider; null: not used. */
  readonly stripe: StripeConfig | null;
  /** Of the sandbox in this process. 0: any free port. */
  readonly sandboxPort: number;
  /** The file of tolerances; null: the built-in ones. */
  readonly reconciliationPolicy: string | null;
  /** How often the workers look for things to do. 1 to 3,600. */
  readonly reconciliationTickSeconds: number;
  /** Where a separate worker serves its health; null: nowhere. */
  readonly workerPort: number | null;
  readonly logLevel: LogLevel;
};

export type SandboxConfig = { readonly url: string; readonly apiKey: string; readonly webhookSecret: string };
type StripeConfig = {
  readonly url: string;
  readonly secretKey: string;
  readonly webhookSecret: string;
};

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** The exit code of a process that refuses its configuration (EX_CONFIG). */
export const badConfigurationExitCode = 78;

/** A well-formed configuration that cannot work here; the message says what to change. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
}

const integer = (min: number, max: number) =>
  z
    .string()
    .regex(/^(0|[1-9][0-9]{0,8})$/, { error: `a whole number from ${min} to ${max}` })
    .transform(Number)
    .refine((value) => value >= min && value <= max, { error: `a whole number from ${min} to ${max}` });

const address = z
  .string()
  .regex(/^https?:\/\/[^/\s]+$/, { error: 'an http:// or https:// address without a path' });
const secret = z.string().regex(/^[\x21-\x7e]{16,}$/, { error: 'at least 16 visible ASCII characters' });

const variables = {
  NODE_ENV: z.string().default('development'),
  PORT: integer(0, 65_535).default(3_000),
  HOST: z.string().optional(),
  REDIS_URL: z
    .string()
    .refine((address) => parseRedisUrl(address) !== undefined, {
      error: 'a redis://, redis+cluster:// or redis+sentinel:// address, with rediss for TLS',
    })
    .optional(),
  DATABASE_URL: z
    .string()
    .refine((address) => /^postgres(ql)?:\/\/\S+$/.test(address) && URL.canParse(address), {
      error: 'a postgres:// address, in which / ? # and @ of a password are written as %2F %3F %23 and %40',
    })
    .optional(),
  HOLDFAST_DATA_DIR: z.string().default('.holdfast'),
  DURABILITY: z.enum(['ledger', 'redis'], { error: 'ledger or redis' }).default('ledger'),
  HTTP_THREADS: integer(1, 64).default(1),
  PARTITIONS: integer(1, 256).default(1),
  HOLDFAST_API_KEYS: z.string().optional(),
  PAYMENT_TTL_SECONDS: integer(1, 86_400).default(600),
  IDEMPOTENCY_KEY_DAYS: integer(1, 3_650).default(30),
  CALLS_IN_FLIGHT_MAX: integer(16, 100_000).default(2_048),
  SANDBOX_URL: address.optional(),
  SANDBOX_API_KEY: secret.optional(),
  SANDBOX_WEBHOOK_SECRET: secret.optional(),
  SANDBOX_PORT: integer(0, 65_535).default(0),
  STRIPE_SECRET_KEY: secret.optional(),
  STRIPE_WEBHOOK_SECRET: secret.optional(),
  STRIPE_URL: address.default('https://api.stripe.com'),
  RECONCILIATION_POLICY: z.string().optional(),
  RECONCILIATION_TICK_SECONDS: integer(1, 3_600).default(30),
  WORKER_PORT: integer(0, 65_535).optional(),
  LOG_LEVEL: z.enum(logLevels, { error: `one of ${logLevels.join(', ')}` }).default('info'),
};
type Variables = { [Name in keyof typeof variables]: z.output<(typeof variables)[Name]> };

/**
 * Reads and checks the environment. A variable set to nothing counts as not set.
 * @param options.answersHttp false: nobody will be identified by a key, so none has to be set.
 * @returns the configuration, or every problem, one sentence each, without secrets.
 */
export function readConfig(
  environment: Readonly<Record<string, string | undefined>>,
  { answersHttp = true }: { readonly answersHttp?: boolean } = {},
): { readonly config: Config } | { readonly problems: readonly string[] } {
  const { values, problems } = parseVariables(environment);
  const production = values.NODE_ENV === 'production';
  const embedded = values.REDIS_URL === undefined || values.DATABASE_URL === undefined;
  const keys = readApiKeys(values.HOLDFAST_API_KEYS, { production, embedded, answersHttp });
  problems.push(...keys.problems.map((problem) => `HOLDFAST_API_KEYS: ${problem}`));
  const sandbox = readSandbox(values);
  if (sandbox === 'incomplete') {
    problems.push('SANDBOX_URL, SANDBOX_API_KEY and SANDBOX_WEBHOOK_SECRET: set all three, or none');
  }
  const stripe = readStripe(values);
  if (stripe === 'incomplete')
    problems.push('STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET: set both, or neither');
  if (problems.length > 0 || sandbox === 'incomplete' || stripe === 'incomplete') return { problems };
  return {
    config: {
      production,
      port: values.PORT,
      host: values.HOST ?? (embedded ? '127.0.0.1' : '0.0.0.0'),
      redisUrl: values.REDIS_URL ?? null,
      databaseUrl: values.DATABASE_URL ?? null,
      embedded,
      dataDir: values.HOLDFAST_DATA_DIR,
      durability: values.DURABILITY,
      httpThreads: values.HTTP_THREADS,
      partitions: values.PARTITIONS,
      apiKeys: keys.keys,
      developmentKeys: keys.development,
      paymentTtlSeconds: values.PAYMENT_TTL_SECONDS,
      idempotencyKeyDays: values.IDEMPOTENCY_KEY_DAYS,
      callsInFlightMax: values.CALLS_IN_FLIGHT_MAX,
      sandbox,
      stripe,
      sandboxPort: values.SANDBOX_PORT,
      reconciliationPolicy: values.RECONCILIATION_POLICY ?? null,
      reconciliationTickSeconds: values.RECONCILIATION_TICK_SECONDS,
      workerPort: values.WORKER_PORT ?? null,
      logLevel: values.LOG_LEVEL,
    },
  };
}

function parseVariables(environment: Readonly<Record<string, string | undefined>>): {
  values: Variables;
  problems: string[];
} {
  const values: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const [name, schema] of Object.entries(variables)) {
    const text = environment[name];
    const result = schema.safeParse(text === '' ? undefined : text);
    if (result.success) values[name] = result.data;
    else problems.push(`${name}: ${result.error.issues.map((issue) => issue.message).join('; ')}`);
  }
  return { values: values as Variables, problems };
}

function readSandbox(values: Variables): SandboxConfig | null | 'incomplete' {
  const { SANDBOX_URL: url, SANDBOX_API_KEY: apiKey, SANDBOX_WEBHOOK_SECRET: webhookSecret } = values;
  if (url && apiKey && webhookSecret) return { url, apiKey, webhookSecret };
  return url || apiKey || webhookSecret ? 'incomplete' : null;
}

function readStripe(values: Variables): StripeConfig | null | 'incomplete' {
  const { STRIPE_SECRET_KEY: secretKey, STRIPE_WEBHOOK_SECRET: webhookSecret, STRIPE_URL: url } = values;
  if (secretKey && webhookSecret) return { url, secretKey, webhookSecret };
  return secretKey || webhookSecret ? 'incomplete' : null;
}

function readApiKeys(
  text: string | undefined,
  mode: { readonly production: boolean; readonly embedded: boolean; readonly answersHttp: boolean },
): { keys: readonly ApiKey[]; problems: readonly string[]; development: boolean } {
  if (text !== undefined) return { ...parseApiKeys(text, mode.production), development: false };
  if (!mode.answersHttp) return { keys: [], problems: [], development: false };
  if (mode.production) return { keys: [], problems: ['must be set in production'], development: false };
  if (!mode.embedded) {
    return {
      keys: [],
      problems: ['must be set when both REDIS_URL and DATABASE_URL are'],
      development: false,
    };
  }
  const keys = developmentKeys.map(({ scope, secret }) => apiKey(`dev-${scope}`, [scope], secret));
  return { keys, problems: [], development: true };
}
