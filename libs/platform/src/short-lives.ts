/**
 * What a request makes is garbage once it is answered. V8 learns otherwise from a crowd that has to wait: what is made in places
 * where most of it has outlived two collections is made in the old part of the heap from then on, and keeps all it refers to until
 * the whole heap is collected (docs/decisions, 65).
 */
import { setFlagsFromString } from 'node:v8';

export const shortLivesFlag = '--no-allocation-site-pretenuring';

/** For the whole process, from now on: call it before the first request. A V8 that does not know the flag says so and goes on. */
export function expectShortLives(): void {
  setFlagsFromString(shortLivesFlag);
}
