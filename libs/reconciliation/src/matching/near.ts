/** Which of some times are near another: by two searches, where a look at each would be done for each of them. */

/** @param times in order @returns where the first is that is at most so far from `at`, and how many are */
export function near(
  times: readonly number[],
  at: number,
  withinMs: number,
): { readonly first: number; readonly count: number } {
  const first = firstFrom(times, at - withinMs);
  return { first, count: firstFrom(times, at + withinMs + 1) - first };
}

/** The place of the first that is not before it. Times are whole milliseconds. */
function firstFrom(times: readonly number[], at: number): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (times[middle]! < at) low = middle + 1;
    else high = middle;
  }
  return low;
}
