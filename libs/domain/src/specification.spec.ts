/** docs/specification.md says what the code does, and names tests that exist. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { paymentStatuses, paymentTransitions, type PaymentEvent } from './payment.js';
import { reservationStatuses, reservationTransitions, type ReservationEvent } from './reservation.js';

const root = path.resolve(import.meta.dirname, '../../..');
const page = readFileSync(path.join(root, 'docs/specification.md'), 'utf8');
const rows = page
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );

test('its table of states is the code’s', () => {
  const header = rows.find(([first]) => first === 'status')!;
  const events = header.slice(1) as ReservationEvent[];
  for (const status of reservationStatuses) {
    const row = rows.find(([first]) => first === status);
    const transitions = reservationTransitions[status];
    expect(row).toEqual([status, ...events.map((event) => transitions[event])]);
    expect(Object.keys(transitions).length).toBe(events.length);
  }
});

test('its table of payments is the code’s', () => {
  const at = rows.findIndex(([first]) => first === 'payment');
  const events = rows[at]!.slice(1) as PaymentEvent[];
  expect(rows.slice(at + 1, at + 1 + paymentStatuses.length)).toEqual(
    paymentStatuses.map((status) =>
      [status as string].concat(events.map((event) => paymentTransitions[status][event])),
    ),
  );
});

test('every test that it names exists', () => {
  const named = rows.flatMap((cells) => /^`(test\/[\w./-]+)`: (.+)$/.exec(cells.at(-1)!)?.slice(1) ?? []);
  expect(named.length).toBeGreaterThan(20);
  for (let index = 0; index < named.length; index += 2) {
    const [file, name] = [named[index]!, named[index + 1]!];
    expect(readFileSync(path.join(root, file), 'utf8')).toContain(`'${name}'`);
  }
});

test('it has a row for each of the eleven invariants', () => {
  const ids = rows.map(([first]) => first).filter((first) => /^I\d+$/.test(first!));
  expect(ids).toEqual(Array.from({ length: 11 }, (_, index) => `I${index + 1}`));
});
