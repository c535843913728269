/**
 * API keys: who may call, and for what. Only digests are kept, so that no secret leaks into logs and comparing takes the same
 * time whatever is presented.
 */
import { hash, timingSafeEqual } from 'node:crypto';

const scopes = ['storefront', 'admin'] as const;
export type Scope = (typeof scopes)[number];

export type ApiKey = {
  /** The name it was configured under; Idempotency-Keys belong to it. */
  readonly id: string;
  readonly scopes: ReadonlySet<Scope>;
  /** SHA-256 of the secret. */
  readonly digest: Buffer;
};

const developmentKeyPrefix = 'hf_dev_';
const secretLengthMin = 16;
const keysMax = 64;

export function apiKey(id: string, keyScopes: readonly Scope[], secret: string): ApiKey {
  return { id, scopes: new Set(keyScopes), digest: digestOf(secret) };
}

/** The two keys that embedded mode accepts, for trying it out on your own machine. */
export const developmentKeys = [
  { scope: 'storefront', secret: `${developmentKeyPrefix}storefront` },
  { scope: 'admin', secret: `${developmentKeyPrefix}admin` },
] as const satisfies readonly { scope: Scope; secret: string }[];

/**
 * Reads `name:scope[+scope]:secret`, several separated by commas. A secret has 16 or more visible ASCII characters,
 * none of them a comma.
 * @returns the keys, or everything that is wrong, without repeating a secret.
 */
export function parseApiKeys(
  text: string,
  production: boolean,
): { readonly keys: readonly ApiKey[]; readonly problems: readonly string[] } {
  const keys: ApiKey[] = [];
  const problems: string[] = [];
  const entries = text.split(',');
  if (entries.length > keysMax) problems.push(`at most ${keysMax} keys`);
  for (const [at, entry] of entries.slice(0, keysMax).entries()) {
    const key = parseApiKey(entry.trim(), production);
    if (typeof key === 'string') problems.push(`key ${at + 1}: ${key}`);
    else if (keys.some(({ id }) => id === key.id)) problems.push(`key ${at + 1}: name ${key.id} is taken`);
    else if (keys.some(({ digest }) => digest.equals(key.digest))) {
      problems.push(`key ${at + 1}: another key has the same secret`);
    } else keys.push(key);
  }
  return { keys, problems };
}

/** The key whose secret this is; undefined: none. Takes the same time whichever it is. */
export function findApiKey(keys: readonly ApiKey[], secret: string): ApiKey | undefined {
  const digest = digestOf(secret);
  let found: ApiKey | undefined;
  for (const key of keys) if (timingSafeEqual(key.digest, digest)) found = key;
  return found;
}

function parseApiKey(entry: string, production: boolean): ApiKey | string {
  const [, name, scopeList, secret] = /^([^:]*):([^:]*):(.*)$/.exec(entry) ?? [];
  if (name === undefined || scopeList === undefined || secret === undefined) {
    return 'not of the form name:scope[+scope]:secret';
  }
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(name)) return 'a name is 1 to 64 letters, digits, dashes or underscores';
  const keyScopes = scopeList.split('+');
  if (!keyScopes.every(isScope)) return `a scope is one of ${scopes.join(', ')}`;
  if (production && secret.startsWith(developmentKeyPrefix))
    return 'a development key is refused in production';
  const isDevelopmentKey = developmentKeys.some((key) => key.secret === secret);
  if (!isDevelopmentKey && secret.length < secretLengthMin) {
    return `a secret has at least ${secretLengthMin} characters`;
  }
  if (!/^[\x21-\x7e]+$/.test(secret)) return 'a secret is visible ASCII characters';
  return apiKey(name, keyScopes, secret);
}

function isScope(text: string): text is Scope {
  return (scopes as readonly string[]).includes(text);
}

function digestOf(secret: string): Buffer {
  return hash('sha256', secret, 'buffer');
}
