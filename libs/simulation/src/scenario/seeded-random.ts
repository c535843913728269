/** Chance that repeats itself: the same seed draws the same, in every process. For plans, never for keys. */
import { hash } from 'node:crypto';

export class SeededRandom {
  private readonly state: Uint32Array;

  /** @param stream names what the draws are for, so that one more draw here changes nothing there. */
  constructor(seed: number, stream: string) {
    const digest = hash('sha256', `${seed} ${stream}`, 'buffer');
    this.state = new Uint32Array(digest.buffer.slice(digest.byteOffset, digest.byteOffset + 16));
  }

  /** A number in [0, 1): 32 bits of sfc32 (Chris Doty-Humphrey's PractRand). */
  fraction(): number {
    const { state } = this;
    const [a, b, c, d] = state as unknown as [number, number, number, number];
    const sum = (a + b + d) | 0;
    state[3] = d + 1;
    state[0] = b ^ (b >>> 9);
    state[1] = c + (c << 3);
    state[2] = ((c << 21) | (c >>> 11)) + sum;
    return (sum >>> 0) / 2 ** 32;
  }

  /** A whole number from `min` to `max`, both of them included. */
  integer(min: number, max: number): number {
    return min + Math.floor(this.fraction() * (max - min + 1));
  }

  between(min: number, max: number): number {
    return min + this.fraction() * (max - min);
  }

  chance(share: number): boolean {
    return this.fraction() < share;
  }
}
