import { expect, test } from '@jest/globals';
import { VirtualTime } from './virtual-time.js';

test('what is due happens in the order of its time, and then in that of asking', async () => {
  const time = new VirtualTime(0);
  const seen: string[] = [];
  const note = async (name: string, delayMs: number): Promise<void> => {
    await time.sleep(delayMs);
    seen.push(`${name} at ${time.monotonicMs()}`);
  };
  await time.pass(Promise.all([note('c', 20), note('a', 10), note('b', 10), note('d', 86_400_000)]));
  expect(seen).toEqual(['a at 10', 'b at 10', 'c at 20', 'd at 86400000']);
});

test('a cancelled timer does not hurry the next one', async () => {
  const time = new VirtualTime(1_000);
  const cancelled = time.after(5, () => {
    throw new Error('it was cancelled');
  });
  cancelled.cancel();
  await time.pass(time.sleep(50));
  expect(time.nowMs()).toBe(1_050);
});

test('work that no time will finish is an error, and so is work that fails', async () => {
  const time = new VirtualTime(0);
  await expect(time.pass(new Promise(() => undefined))).rejects.toThrow('no time will bring');
  await expect(time.pass(Promise.reject(new Error('broken')))).rejects.toThrow('broken');
});
