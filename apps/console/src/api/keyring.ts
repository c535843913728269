/**
 * The API keys that the operator signed in with, in this tab only (sessionStorage). A key has one scope or both, and
 * no call takes either scope for the other, so two keys may be held at once and each call is given one that fits.
 */
import { recall, remember } from '../adapters/browser.js';
import { Observable } from '../observable.js';

export type Scope = 'storefront' | 'admin';
export type Key = { readonly secret: string; readonly name: string; readonly scopes: readonly Scope[] };

export const keyring = new Observable<readonly Key[]>(readKeys());

export function addKey(key: Key): void {
  keep([...keyring.value.filter(({ name }) => name !== key.name), key]);
}

/** Forgets one key, or all of them. */
export function dropKeys(secret?: string): void {
  keep(secret === undefined ? [] : keyring.value.filter((key) => key.secret !== secret));
}

/** A key with one of these scopes. */
export function keyFor(scopes: readonly Scope[]): Key | undefined {
  return keyring.value.find((key) => key.scopes.some((scope) => scopes.includes(scope)));
}

function keep(keys: readonly Key[]): void {
  remember('session', 'keys', keys.length === 0 ? null : JSON.stringify(keys));
  keyring.set(keys);
}

function readKeys(): readonly Key[] {
  try {
    return JSON.parse(recall('session', 'keys') ?? '[]') as Key[];
  } catch {
    return [];
  }
}
