/**
 * The API key of a request, by its `Authorization` header. A digest and constant-time comparisons would cost a twentieth of
 * a refusal, so a key that was found is remembered for a minute, after which a withdrawn one no longer counts. What was not
 * found is never remembered: guessing stays as slow and as blind as before.
 */
import { type ApiKey, findApiKey } from '../config/api-keys.js';
import type { Clock } from '../ports.js';

const rememberedMs = 60_000;
/** There are 64 keys at most, and a few ways to write the scheme. */
const rememberedMax = 256;

export class Authenticator {
  private readonly remembered = new Map<string, ApiKey>();
  private forgetAtMs = 0;

  constructor(
    private readonly keys: readonly ApiKey[],
    private readonly clock: Pick<Clock, 'monotonicMs'>,
  ) {}

  /** The key that the header field bears; undefined: none, or none that is known. */
  authenticate(authorization: string | undefined): ApiKey | undefined {
    if (authorization === undefined) return undefined;
    const nowMs = this.clock.monotonicMs();
    if (nowMs >= this.forgetAtMs || this.remembered.size >= rememberedMax) {
      this.remembered.clear();
      this.forgetAtMs = nowMs + rememberedMs;
    }
    const known = this.remembered.get(authorization);
    if (known) return known;
    const secret = /^Bearer +([\x21-\x7e]+)$/i.exec(authorization)?.[1];
    const found = secret === undefined ? undefined : findApiKey(this.keys, secret);
    if (found) this.remembered.set(authorization, found);
    return found;
  }
}
