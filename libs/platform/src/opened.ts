/** What has been opened up to now, to be closed in the opposite order: at the end, or when a later part fails. */
export class Opened {
  private readonly closing: (() => unknown)[] = [];

  add<Part>(part: Part, close: (part: Part) => unknown): Part {
    this.closing.unshift(() => close(part));
    return part;
  }

  async close(): Promise<void> {
    for (const close of this.closing.splice(0)) await close();
  }
}
