/** What controllers read from a request, checked. */
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { Problem, validate } from '#platform';

/**
 * The body, by its schema.
 * @throws Problem 415 or 400 when there is none, 422 when it has another form.
 */
export function bodyOf<Schema extends z.ZodType>(request: FastifyRequest, schema: Schema): z.output<Schema> {
  if (request.body === undefined) {
    if (request.headers['content-type'] === undefined) {
      throw new Problem('unsupported-media-type', 'Send a body, with Content-Type: application/json');
    }
    throw new Problem('invalid-json', 'The body is empty');
  }
  return validate(schema, request.body, 'body');
}

/** The body of a call that does without: none counts as an object without members. */
export function optionalBodyOf<Schema extends z.ZodType>(
  request: FastifyRequest,
  schema: Schema,
): z.output<Schema> {
  return validate(schema, request.body === undefined ? {} : request.body, 'body');
}

/** The query parameters, by their schema. */
export function queryOf<Schema extends z.ZodType>(request: FastifyRequest, schema: Schema): z.output<Schema> {
  return validate(schema, request.query, 'query');
}
