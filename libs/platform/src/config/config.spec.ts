import { describe, expect, it } from '@jest/globals';
import { findApiKey } from './api-keys.js';
import { type Config, readConfig } from './config.js';

const secret = 'a-secret-of-20-chars';

function configOf(environment: Record<string, string>): Config {
  const result = readConfig(environment);
  if ('problems' in result) throw new Error(result.problems.join('\n'));
  return result.config;
}

function problemsOf(environment: Record<string, string>): readonly string[] {
  const result = readConfig(environment);
  return 'problems' in result ? result.problems : [];
}

describe('an empty environment', () => {
  const config = configOf({});

  it('is embedded, on this machine only, and durable', () => {
    expect(config).toMatchObject({
      production: false,
      port: 3_000,
      host: '127.0.0.1',
      redisUrl: null,
      databaseUrl: null,
      embedded: true,
      dataDir: '.holdfast',
      durability: 'ledger',
      partitions: 1,
      logLevel: 'info',
      developmentKeys: true,
    });
  });

  it('accepts the two development keys, each for its own scope', () => {
    expect([...findApiKey(config.apiKeys, 'hf_dev_storefront')!.scopes]).toEqual(['storefront']);
    expect([...findApiKey(config.apiKeys, 'hf_dev_admin')!.scopes]).toEqual(['admin']);
    expect(findApiKey(config.apiKeys, 'hf_dev_other')).toBeUndefined();
  });

  it('is what a variable set to nothing means', () => {
    expect(configOf({ PORT: '', REDIS_URL: '', HOLDFAST_API_KEYS: '' })).toEqual(config);
  });
});

it('says everything that is wrong at once', () => {
  const problems = problemsOf({
    NODE_ENV: 'production',
    PORT: '65536',
    REDIS_URL: 'http://redis',
    DATABASE_URL: 'mysql://x',
    DURABILITY: 'hope',
    HTTP_THREADS: '65',
    PARTITIONS: '0',
    LOG_LEVEL: 'loud',
  });
  expect(problems.map((problem) => problem.split(':')[0])).toEqual([
    'PORT',
    'REDIS_URL',
    'DATABASE_URL',
    'DURABILITY',
    'HTTP_THREADS',
    'PARTITIONS',
    'LOG_LEVEL',
    'HOLDFAST_API_KEYS',
  ]);
});

it.each(['1e3', ' 80', '-1', '3000.0', '0x50'])('refuses PORT=%j', (PORT) => {
  expect(problemsOf({ PORT })).toHaveLength(1);
});

it.each([
  ['redis://:pass@host:6379/2', true],
  ['rediss://host', true],
  ['redis+cluster://a:1,b:2', true],
  ['redis+sentinel://a:1,b:2/main', true],
  ['redis+sentinel://a:1', false],
  ['redis+cluster://a:port', false],
  ['redis://', false],
  ['host:6379', false],
])('reads REDIS_URL=%s: %p', (REDIS_URL, good) => {
  expect(problemsOf({ REDIS_URL })).toHaveLength(good ? 0 : 1);
});

it.each([
  ['postgresql://user:pa%2Fss@host:5432/holdfast?sslmode=verify-full', true],
  ['postgres:///holdfast?host=/var/run/postgresql', true],
  ['postgres://user:pa/ss@host/holdfast', false],
  ['postgres://user:pa#ss@host/holdfast', false],
  ['postgres://user:pass@host:54320000/holdfast', false],
])('reads DATABASE_URL=%s: %p, and repeats none of it', (DATABASE_URL, good) => {
  const problems = problemsOf({ DATABASE_URL });
  expect(problems).toHaveLength(good ? 0 : 1);
  expect(problems.join()).not.toMatch(/pa.ss/);
});

describe('HOLDFAST_API_KEYS', () => {
  const urls = { REDIS_URL: 'redis://redis:6379', DATABASE_URL: 'postgres://db/holdfast' };

  it('replaces the development keys', () => {
    const config = configOf({
      HOLDFAST_API_KEYS: `shop:storefront:${secret},ops:storefront+admin:${secret}2`,
    });
    expect(config.developmentKeys).toBe(false);
    expect(findApiKey(config.apiKeys, 'hf_dev_admin')).toBeUndefined();
    expect(findApiKey(config.apiKeys, secret)).toMatchObject({ id: 'shop' });
    expect([...findApiKey(config.apiKeys, `${secret}2`)!.scopes]).toEqual(['storefront', 'admin']);
  });

  it('may hold colons in a secret', () => {
    const config = configOf({ HOLDFAST_API_KEYS: `shop:storefront:${secret}:more` });
    expect(findApiKey(config.apiKeys, `${secret}:more`)).toMatchObject({ id: 'shop' });
  });

  it('is wanted in production and when nothing is embedded', () => {
    expect(problemsOf({ NODE_ENV: 'production' })).toHaveLength(1);
    expect(problemsOf(urls)).toHaveLength(1);
    expect(configOf({ ...urls, HOLDFAST_API_KEYS: `shop:admin:${secret}` })).toMatchObject({
      embedded: false,
      host: '0.0.0.0',
    });
  });

  it.each([
    ['no secret', 'shop:storefront'],
    ['a short secret', 'shop:storefront:short'],
    ['an unknown scope', `shop:root:${secret}`],
    ['no name', `:admin:${secret}`],
    ['a blank in a secret', `shop:admin:${secret} x`],
    ['one name twice', `a:admin:${secret},a:admin:${secret}2`],
    ['one secret twice', `a:admin:${secret},b:admin:${secret}`],
  ])('refuses %s, and never repeats a secret', (_, HOLDFAST_API_KEYS) => {
    const problems = problemsOf({ HOLDFAST_API_KEYS });
    expect(problems).toHaveLength(1);
    expect(problems[0]).not.toContain(secret);
  });

  it('lets nobody use a development key in production', () => {
    const HOLDFAST_API_KEYS = 'shop:storefront:hf_dev_storefront';
    expect(problemsOf({ NODE_ENV: 'production', HOLDFAST_API_KEYS })).toHaveLength(1);
    expect(problemsOf({ HOLDFAST_API_KEYS })).toEqual([]);
  });
});

it('takes Stripe whole or not at all', () => {
  const stripe = { STRIPE_SECRET_KEY: 'sk_test_0123456789', STRIPE_WEBHOOK_SECRET: 'whsec_0123456789' };
  expect(configOf({}).stripe).toBeNull();
  expect(configOf(stripe).stripe).toEqual({
    url: 'https://api.stripe.com',
    secretKey: 'sk_test_0123456789',
    webhookSecret: 'whsec_0123456789',
  });
  expect(problemsOf({ STRIPE_SECRET_KEY: stripe.STRIPE_SECRET_KEY })).toEqual([
    'STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET: set both, or neither',
  ]);
});
