import { describe, expect, test } from '@jest/globals';
import { PartitionClock, type ClockComplaint } from './partition-clock.js';

const hour = 3_600_000;
const start = 1_700_000_000_000;

function clockThatSaw(): PartitionClock {
  const clock = new PartitionClock();
  clock.saw({ nowMs: start, skewMs: 0, sentMs: 0, receivedMs: 4 });
  return clock;
}

/** Ten seconds later by the steady clock. */
const complaint = (over: Partial<ClockComplaint>): ClockComplaint => ({
  nowMs: start + 10_000,
  skewMs: 0,
  livedMs: start + 9_500,
  sentMs: 10_000,
  receivedMs: 10_004,
  ...over,
});

describe('the clock of a partition', () => {
  test('is known to within the time that a reply took', () => {
    expect(clockThatSaw().expected(1_000)).toEqual({ fromMs: start + 996, toMs: start + 1_000 });
    expect(new PartitionClock().expected(1_000)).toBeUndefined();
  });

  test('that was set an hour forward goes on as before', () => {
    expect(clockThatSaw().correction(complaint({ nowMs: start + 10_000 + hour }))).toBe(-hour - 4);
  });

  test('that was set an hour back goes on as before', () => {
    expect(clockThatSaw().correction(complaint({ nowMs: start + 10_000 - hour }))).toBe(hour - 4);
  });

  test('is set right again in a store that was emptied', () => {
    expect(clockThatSaw().correction(complaint({ nowMs: start + 10_000 - hour, livedMs: 0 }))).toBe(hour - 4);
  });

  test('is believed when it is this process that was asleep', () => {
    const now = start + 10_000 + hour;
    expect(clockThatSaw().correction(complaint({ nowMs: now, livedMs: now - 500 }))).toBeNull();
  });

  test('is believed when the call was on its way for long', () => {
    expect(clockThatSaw().correction(complaint({ nowMs: start + 13_000, receivedMs: 13_004 }))).toBeNull();
  });

  test('that was set back while nobody looked goes on: it has had a later time', () => {
    const complained = complaint({ nowMs: start - hour, livedMs: start - 60_000 });
    expect(clockThatSaw().correction(complained)).toBe(hour + 10_000 - 4);
  });

  test('that was never seen is what others say, until it is', () => {
    const clock = new PartitionClock();
    clock.told({ fromMs: start, toMs: start + 50 }, 1_000);
    expect(clock.expected(3_000)).toEqual({ fromMs: start + 2_000, toMs: start + 2_050 });
    const set = complaint({ nowMs: start + hour, livedMs: start - 500, sentMs: 1_000, receivedMs: 1_004 });
    expect(clock.correction(set)).toBe(-hour);
    clock.saw({ nowMs: start + 7, skewMs: 0, sentMs: 1_000, receivedMs: 1_004 });
    clock.told({ fromMs: start + hour, toMs: start + hour }, 1_000);
    expect(clock.expected(1_004)).toEqual({ fromMs: start + 7, toMs: start + 11 });
  });

  test('is believed when it was never seen before', () => {
    expect(new PartitionClock().correction(complaint({}))).toBeNull();
  });
});
