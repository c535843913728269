/**
 * What the maps refuse, as classes of their own. The `code` is stable and meant for programs; the message is for
 * people. A refused call has changed nothing.
 */
export type ConcurrentMapErrorCode =
  'full' | 'key-too-long' | 'value-out-of-range' | 'undefined-value' | 'not-a-map-buffer' | 'invalid-options';

/** The common ancestor: `error instanceof ConcurrentMapError` catches every refusal of this library. */
export class ConcurrentMapError extends Error {
  override readonly name: string = 'ConcurrentMapError';
  readonly code: ConcurrentMapErrorCode;

  constructor(code: ConcurrentMapErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** A key that is not in the map does not fit: `entriesMax` keys are present. Delete some, or create a larger map. */
export class MapFullError extends ConcurrentMapError {
  override readonly name = 'MapFullError';

  constructor(entriesMax: number) {
    super('full', `the map holds its ${entriesMax} entries`);
  }
}

/** The key has more UTF-16 units than the map was created for. */
export class KeyTooLongError extends ConcurrentMapError {
  override readonly name = 'KeyTooLongError';

  constructor(length: number, keyLengthMax: number) {
    super('key-too-long', `a key of ${length} UTF-16 units; this map takes up to ${keyLengthMax}`);
  }
}

/** Not an integer, or not one that a cell can hold. */
export class ValueOutOfRangeError extends ConcurrentMapError {
  override readonly name = 'ValueOutOfRangeError';

  constructor(what: string, value: unknown, range: string) {
    super('value-out-of-range', `${what} ${String(value)} is not ${range}`);
  }
}

/** `undefined` means "no such key" in every answer, so it cannot be a value. */
export class UndefinedValueError extends ConcurrentMapError {
  override readonly name = 'UndefinedValueError';

  constructor() {
    super('undefined-value', 'undefined is not a value: it means that there is no such key');
  }
}

/** The buffer was not made by `SharedConcurrentMap.create`, or by a version with another layout. */
export class NotAMapBufferError extends ConcurrentMapError {
  override readonly name = 'NotAMapBufferError';

  constructor(why: string) {
    super('not-a-map-buffer', `not a buffer of a SharedConcurrentMap: ${why}`);
  }
}

/** `create` was asked for a map that cannot be. */
export class InvalidOptionsError extends ConcurrentMapError {
  override readonly name = 'InvalidOptionsError';

  constructor(why: string) {
    super('invalid-options', why);
  }
}
