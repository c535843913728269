/**
 * Text as lines, ended by LF, CR LF or CR. A line that is longer than any provider writes is cut off there and marked,
 * so that a file of one endless line costs no memory.
 */
export type Line = {
  readonly text: string;
  /** From 1. */
  readonly number: number;
  /** False: the file ended before the line did. */
  readonly ended: boolean;
  /** True: `text` is only its first `lineLengthMax` characters. */
  readonly overlong: boolean;
};

const lineLengthMax = 262_144;

export class Lines {
  private number = 1;
  private rest = '';
  private overlong = false;
  private afterCarriageReturn = false;

  /** The lines that end in this chunk. */
  *push(chunk: string): Generator<Line, void, undefined> {
    let begin = 0;
    if (this.afterCarriageReturn && chunk.length > 0) {
      if (chunk.startsWith('\n')) begin = 1;
      this.afterCarriageReturn = false;
    }
    const hasCarriageReturns = chunk.includes('\r', begin);
    for (;;) {
      const end = hasCarriageReturns ? indexOfBreak(chunk, begin) : chunk.indexOf('\n', begin);
      if (end === -1) break;
      yield this.take(chunk.slice(begin, end), true);
      begin = end + 1;
      if (chunk[end] !== '\r') continue;
      if (begin === chunk.length) this.afterCarriageReturn = true;
      else if (chunk[begin] === '\n') begin += 1;
    }
    this.keep(chunk.slice(begin));
  }

  /** What is left when the file has ended. */
  *end(): Generator<Line, void, undefined> {
    if (this.rest !== '') yield this.take('', false);
  }

  private take(text: string, ended: boolean): Line {
    this.keep(text);
    const line = { text: this.rest, number: this.number, ended, overlong: this.overlong };
    this.number += 1;
    this.rest = '';
    this.overlong = false;
    return line;
  }

  private keep(text: string): void {
    if (this.rest.length + text.length > lineLengthMax) {
      this.overlong = true;
      this.rest += text.slice(0, lineLengthMax - this.rest.length);
    } else {
      this.rest = this.rest === '' ? text : this.rest + text;
    }
  }
}

const breaks = /[\r\n]/g;
function indexOfBreak(text: string, begin: number): number {
  breaks.lastIndex = begin;
  return breaks.exec(text)?.index ?? -1;
}
