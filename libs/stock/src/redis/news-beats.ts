/**
 * Whether the news is being heard: a connection may be dead though nobody has closed it. So a listener sends beats to itself along
 * the path of the news; in a cluster the news comes from each master, by a path of its own.
 */
export class NewsBeats {
  private round = 0;
  /** The last round that was heard by each way. */
  private readonly heardIn = new Map<string, number>();

  /** The number of the next round, which goes out by these ways; there are no others any more. */
  next(ways: readonly string[]): number {
    for (const way of this.heardIn.keys()) if (!ways.includes(way)) this.heardIn.delete(way);
    for (const way of ways) if (!this.heardIn.has(way)) this.heardIn.set(way, this.round);
    this.round += 1;
    return this.round;
  }

  heard(way: string, round: number): void {
    if (this.heardIn.has(way)) this.heardIn.set(way, round);
  }

  /** How many of the last rounds were not heard, by the worst of the ways. */
  missed(): number {
    let heardUpTo = this.round;
    for (const round of this.heardIn.values()) heardUpTo = Math.min(heardUpTo, round);
    return this.round - heardUpTo;
  }
}
