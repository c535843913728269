import { expect, it } from '@jest/globals';
import { Intention } from './intention.js';
import { ProblemError, unreachable } from './problem.js';

function intention(): Intention {
  let made = 0;
  return new Intention(() => `key-${++made}`);
}

const refused = new ProblemError({ type: '/problems/sold-out', status: 409, title: 'Sold out', detail: 'x' });

it('keeps its key while nobody knows whether it was carried out', () => {
  const wanted = intention();
  expect(wanted.keyFor({ delta: 5 })).toBe('key-1');
  wanted.settle(unreachable());
  expect(wanted.keyFor({ delta: 5 })).toBe('key-1');
});

it('is another one with another input, after an answer, and after a refusal', () => {
  const wanted = intention();
  wanted.keyFor({ delta: 5 });
  wanted.settle(unreachable());
  expect(wanted.keyFor({ delta: 6 })).toBe('key-2');
  wanted.settle();
  expect(wanted.keyFor({ delta: 6 })).toBe('key-3');
  wanted.settle(refused);
  expect(wanted.keyFor({ delta: 6 })).toBe('key-4');
});
