/**
 * What a request makes is garbage once it is answered. Under load V8 learns otherwise: where most objects of an allocation
 * site have survived two young collections, it allocates further ones in the old generation at once. There they keep alive
 * whatever they refer to until the whole heap is collected (docs/decisions, 65).
 */
import { setFlagsFromString } from 'node:v8';

export const noPretenuringFlag = '--no-allocation-site-pretenuring';

/** For the whole process: call it before the first request. A V8 that does not know the flag says so and goes on. */
export function disablePretenuring(): void {
  setFlagsFromString(noPretenuringFlag);
}
