import { expect, test } from '@jest/globals';
import { NewsBeats } from './news-beats.js';

test('beats that are heard are not missed, and those that are not are counted', () => {
  const beats = new NewsBeats();
  beats.heard('one', beats.next(['one']));
  expect(beats.missed()).toBe(0);
  const late = beats.next(['one']);
  beats.next(['one']);
  expect(beats.missed()).toBe(2);
  beats.heard('one', late);
  expect(beats.missed()).toBe(1);
});

test('each way counts, a new one from its first beat on, and those that there are no more do not', () => {
  const beats = new NewsBeats();
  for (let time = 0; time < 3; time += 1) beats.heard('one', beats.next(['one', 'two']));
  expect(beats.missed()).toBe(3);
  const round = beats.next(['one', 'three']);
  expect(beats.missed()).toBe(1);
  for (const way of ['one', 'two', 'three']) beats.heard(way, round);
  expect(beats.missed()).toBe(0);
});
