import { describe, expect, it } from '@jest/globals';
import { calls } from './calls.js';
import { openApiDocument } from './document.js';
import { examples } from './examples.js';

describe('the examples of the API', () => {
  it('are of calls that there are', () => {
    const known = calls.map(({ id }) => id);
    for (const id of Object.keys(examples)) expect(known).toContain(id);
  });

  it('are there for every body that is JSON, and are what is taken', () => {
    for (const { id, body, signed } of calls) {
      if (!body || signed) continue;
      expect({ id, example: examples[id]?.request }).toEqual({ id, example: expect.anything() });
      expect({ id, problem: body.schema.safeParse(examples[id]!.request).error }).toEqual({ id });
    }
  });

  it('are what is answered', () => {
    for (const { id, answers } of calls) {
      const example = examples[id]?.answer;
      for (const schema of Object.values(answers))
        if (schema && example) expect({ id, problem: schema.safeParse(example).error }).toEqual({ id });
    }
  });

  it('are in the document', () => {
    const text = JSON.stringify(openApiDocument());
    for (const { request, answer } of Object.values(examples))
      for (const example of [request, answer])
        if (example) expect(text).toContain(`"example":${JSON.stringify(example)}`);
  });
});
