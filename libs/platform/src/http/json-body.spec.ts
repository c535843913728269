import * as fc from 'fast-check';
import { describe, expect, it } from '@jest/globals';
import { parseJsonBody } from './json-body.js';
import { Problem } from './problem.js';

const parse = (text: string) => parseJsonBody(Buffer.from(text));

function problemOf(bytes: string | Uint8Array): Problem {
  try {
    parseJsonBody(typeof bytes === 'string' ? Buffer.from(bytes) : bytes);
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
  throw new Error(`accepted ${String(bytes)}`);
}

const pathsOf = (problem: Problem) =>
  (problem.members['errors'] as { path: string }[]).map(({ path }) => path);

it('reads what JSON.stringify writes as what it was, but for numbers that have no plain form', () => {
  // The property holds for every value of JSON: text with NUL or lone surrogates and -0 are left out by the model.
  const text = fc.string({ unit: 'binary' }).filter((value) => !value.includes('\0'));
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom(null, true, false),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number || 0),
      fc.maxSafeInteger(),
      text,
      fc.array(tie('value')),
      fc.dictionary(text, tie('value')),
    ),
  }));
  fc.assert(
    fc.property(value, fc.constantFrom(0, 2), (value, indent) => {
      expect(parse(JSON.stringify(value, null, indent))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

describe('a member named twice', () => {
  it.each([
    ['with another value', '{"a":1,"a":2}'],
    ['with the same value', '{"a":1,"a":1}'],
    ['once by way of an escape', '{"a":1,"\\u0061":1}'],
    ['deep inside', '{"x":[{"y":{"a":1,"b":2,"a":3}}]}'],
    ['with white space before the colon', '{"a" \n:1,"a"\t:2}'],
    ['of the name __proto__', '{"__proto__":1,"__proto__":2}'],
  ])('is refused %s', (_, text) => {
    expect(problemOf(text)).toMatchObject({ slug: 'invalid-json', status: 400 });
  });

  it('is no member of the same name in another object, and no text value', () => {
    expect(parse('[{"a":"a"},{"a":["a","a"]}]')).toEqual([{ a: 'a' }, { a: ['a', 'a'] }]);
  });
});

describe('a number', () => {
  it.each([
    '1e3',
    '1E3',
    '1e+3',
    '-0',
    '5.0',
    '0.10',
    '9007199254740993',
    '1e400',
    '-1e-400',
    '100000000000000000000000',
  ])('written %s is refused by its path', (source) => {
    const problem = problemOf(`{"lines":[{"sku":"a"},{"quantity":${source}}]}`);
    expect(problem).toMatchObject({ slug: 'invalid-request', status: 422 });
    expect(pathsOf(problem)).toEqual(['lines.1.quantity']);
  });

  it.each(['0', '-1', '19.99', '1e+21', '5e-324', '9007199254740991'])('written %s is taken', (source) => {
    expect(parse(source)).toBe(Number(source));
  });

  it('is no text that looks like one', () => {
    expect(parse('["1e3","-0"]')).toEqual(['1e3', '-0']);
  });
});

describe('text', () => {
  it.each(['\\u0000', '\\ud800', '\\udc00x', 'x\\ud83d'])('with %s is refused by its path', (text) => {
    expect(pathsOf(problemOf(`{"metadata":{"note":"${text}"}}`))).toEqual(['metadata.note']);
    expect(problemOf(`{"metadata":{"${text}":1}}`)).toMatchObject({ status: 422 });
  });

  it('may spell a whole pair in escapes, and a backslash before u0000', () => {
    expect(parse('["\\ud83d\\ude00","\\\\u0000"]')).toEqual(['😀', '\\u0000']);
  });
});

describe('a body', () => {
  it.each([
    '',
    ' ',
    '{',
    '[1,]',
    "{'a':1}",
    '{a:1}',
    'NaN',
    '01',
    '+1',
    '.5',
    '\ufeff{}',
    '{}{}',
    'tru',
    '"\t"',
  ])('that reads %j is no JSON', (text) => {
    expect(problemOf(text)).toMatchObject({ slug: 'invalid-json', status: 400 });
  });

  it('that is no UTF-8 is refused', () => {
    for (const bytes of [
      [0x22, 0xff, 0x22],
      [0x22, 0xc0, 0xaf, 0x22],
      [0x22, 0xed, 0xa0, 0x80, 0x22],
    ]) {
      expect(problemOf(Uint8Array.from(bytes)).message).toBe('The body is not UTF-8');
    }
    expect(problemOf(Buffer.from('{"a":1}', 'utf16le')).status).toBe(400);
  });

  it('nested without end is refused, not followed', () => {
    expect(problemOf('['.repeat(65_536)).status).toBe(400);
    expect(problemOf('['.repeat(32_768) + ']'.repeat(32_768)).message).toBe('The body is nested too deeply');
  });

  it('keeps a member called __proto__ as a member', () => {
    const value = parse('{"__proto__":{"admin":true}}') as Record<string, unknown>;
    expect(Object.keys(value)).toEqual(['__proto__']);
    expect(value['admin']).toBeUndefined();
  });

  it('names at most twenty faults', () => {
    expect(pathsOf(problemOf(`[${'1.0,'.repeat(1_000)}1]`))).toHaveLength(20);
  });
});
