/** Records of a CSV: as a library reads them where they are whole, and each on its own where one is broken. */
import { describe, expect, it } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import { array, assert, constantFrom, property, string } from 'fast-check';

import { Lines } from '../lines.js';
import { CsvRecords, delimiterOf, type CsvRecord } from './csv-records.js';

function recordsOf(text: string, width: number): { records: CsvRecord[]; openAt: number | null } {
  const lines = new Lines();
  const csv = new CsvRecords(',', width);
  const records: CsvRecord[] = [];
  for (const line of [...lines.push(text), ...lines.end()]) records.push(...csv.push(line));
  const end = csv.end();
  let next = end.next();
  for (; next.done !== true; next = end.next()) records.push(next.value);
  return { records, openAt: next.value };
}

const shown = ({ line, fields, broken }: CsvRecord): string =>
  `${line} ${broken === null ? fields.join('|') : '!'}`;

describe('records', () => {
  it('are those that csv-parse reads, of any table', () => {
    const field = string({ unit: constantFrom('a', ' b', '"', ',', '\n', 'ö', ';') });
    const table = array(array(field, { minLength: 3, maxLength: 3 }), { minLength: 1, maxLength: 8 });
    assert(
      property(table, (rows) => {
        const quoted = rows.map((row) => row.map((text) => `"${text.replaceAll('"', '""')}"`).join(','));
        const text = `${quoted.join('\r\n')}\r\n`;
        expect(recordsOf(text, 3).records.map(({ fields }) => fields)).toEqual(parse(text));
      }),
      { numRuns: 200 },
    );
  });

  it('that are broken take no other with them', () => {
    const { records, openAt } = recordsOf('a,b,c\n1,"open,3\n2,x,y\n3,"q, r",z\n4,x,y\n', 3);
    expect(records.map(shown)).toEqual(['1 a|b|c', '2 !', '3 2|x|y', '4 3|q, r|z', '5 4|x|y']);
    expect(openAt).toBeNull();
  });

  it('after a quote that is never closed are read on, to the end and over any length', () => {
    const rows = Array.from({ length: 250 }, (_, n) => `${n},x,y`);
    const { records, openAt } = recordsOf(`1,"open,3\n${rows.join('\n')}\n`, 3);
    expect(records.map(shown)).toEqual([
      '1 !',
      ...rows.map((row, n) => `${n + 2} ${row.replaceAll(',', '|')}`),
    ]);
    expect(openAt).toBeNull();
  });

  it('that the file breaks off in are none', () => {
    expect(recordsOf('1,"two\nlines",3\n4,"fi', 3)).toMatchObject({ records: [{ line: 1 }], openAt: 3 });
    expect(recordsOf('1,"two\nli', 3)).toMatchObject({ records: [], openAt: 1 });
  });

  it('keep a quote inside a field, and spaces before one', () => {
    expect(recordsOf('5" pipe, "a ""b""" ,c\n', 3).records[0]?.fields).toEqual(['5" pipe', 'a "b"', 'c']);
  });

  it('longer than any row are cut and told', () => {
    const { records } = recordsOf(`${'a'.repeat(1_000_000)}\n1,2,3\n`, 3);
    expect(records.map(({ broken }) => broken)).toEqual(['The line is longer than any row.', null]);
    expect(records[0]?.raw.length).toBe(262_144);
  });
});

describe('delimiters', () => {
  it.each([
    ['a,b,c', ','],
    ['a;b;c,d', ';'],
    ['a\tb', '\t'],
    ['"a;b;c",d', ','],
    ['one column', null],
  ])('%j is separated by %j', (header, delimiter) => {
    expect(delimiterOf(header)).toBe(delimiter);
  });
});
