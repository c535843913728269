/**
 * Time, ids and randomness as interfaces, so that the whole service can run on a virtual clock with planned faults. Only the
 * adapters in ./adapters ask the machine.
 */
export interface Clock {
  /** Milliseconds since 1970 by this machine. Never decides an expiry: Redis does. */
  nowMs(): number;
  /** Milliseconds since some moment; never jumps, never goes back. */
  monotonicMs(): number;
}

export interface Timer {
  cancel(): void;
}

export interface Timers {
  /** Calls once after the delay, unless cancelled. */
  after(delayMs: number, call: () => void): Timer;
  /** Calls at the end of this turn of the event loop, when what has arrived has been read. */
  endOfTurn(call: () => void): void;
  sleep(delayMs: number): Promise<void>;
}

export interface Random {
  /** Unpredictable bytes, for keys and secrets. */
  bytes(length: number): Buffer;
  /** A number in [0, 1), for jitter and simulation. */
  fraction(): number;
}

export interface Ids {
  /** A new UUID, version 7: sortable by the time it was made. */
  uuid(): string;
}
