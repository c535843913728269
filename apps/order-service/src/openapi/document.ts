/**
 * The OpenAPI 3.1 document, made from the same zod schemas that check the requests. OpenAPI 3.1 speaks JSON Schema
 * 2020-12, which is what zod writes; only the place of shared definitions differs.
 */
import { z } from 'zod';
import { payBody, problemDocument, problems, type ProblemSlug, sku, uuid } from '#contracts';
import { type CallDescription, calls } from './calls.js';
import { examples } from './examples.js';

type Json = Record<string, unknown>;

/** The whole document, ready to be sent. */
export function openApiDocument(): Json {
  const schemas: Json = {};
  const paths: Record<string, Json> = {};
  for (const call of calls) (paths[call.path] ??= {})[call.method] = operationOf(call, schemas);
  return {
    openapi: '3.1.0',
    info: {
      title: 'Holdfast',
      version: '1',
      description:
        'Reserves stock during flash sales: never sells a unit twice, never forgets an acknowledged reservation.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas,
      securitySchemes: {
        apiKey: { type: 'http', scheme: 'bearer', description: 'An API key with its scopes' },
      },
    },
  };
}

function operationOf(call: CallDescription, schemas: Json): Json {
  return {
    operationId: call.id,
    tags: [call.tag],
    summary: call.summary,
    description: call.signed
      ? 'Signed by the provider in its own way; needs no API key.'
      : `Requires an API key with the scope ${call.scopes.join(' or ')}.`,
    security: call.signed ? [] : [{ apiKey: [] }],
    parameters: [...pathParameters(call), ...headerParameters(call), ...queryParameters(call)],
    ...(call.body && {
      requestBody: {
        required: call.body.required,
        content: {
          'application/json': {
            schema: schemaOf(call.body.schema, schemas, 'input'),
            ...exampleOf(examples[call.id]?.request),
          },
        },
      },
    }),
    ...(call.upload && {
      requestBody: {
        required: true,
        content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } },
      },
    }),
    responses: { ...answersOf(call, schemas), ...problemsOf(call, schemas) },
  };
}

/** Of path parameters that are not UUIDs. */
const parameterSchemas: Readonly<Record<string, z.ZodType>> = { sku, provider: payBody.shape.provider };

function pathParameters({ path }: CallDescription): Json[] {
  return Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: schemaOf(parameterSchemas[name!] ?? uuid, {}, 'input'),
  }));
}

function headerParameters(call: CallDescription): Json[] {
  const headers: Json[] = [];
  if (isKeyed(call)) {
    headers.push({
      name: 'Idempotency-Key',
      in: 'header',
      required: true,
      description: 'A new one for each new intention; the same one when the same request is sent again',
      schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[\\x21-\\x7e]+$' },
    });
  }
  if (call.ifMatch) {
    headers.push({
      name: 'If-Match',
      in: 'header',
      required: false,
      description:
        'The ETag of the level that the adjustment is meant for, or a list of ETags, one of which must match',
      schema: { type: 'string' },
    });
  }
  if (call.stream) {
    headers.push({
      name: 'Last-Event-ID',
      in: 'header',
      required: false,
      description: call.stream.lastEventId,
      schema: { type: 'string' },
    });
  }
  return headers;
}

function queryParameters({ query }: CallDescription): Json[] {
  return Object.entries(query?.shape ?? {}).map(([name, schema]) => ({
    name,
    in: 'query',
    required: !(schema as z.ZodType).safeParse(undefined).success,
    schema: schemaOf(schema as z.ZodType, {}, 'input'),
  }));
}

function answersOf(call: CallDescription, schemas: Json): Json {
  const headers: Json = {
    ...(call.etag && { ETag: headerOf('The version of the level, in quotes') }),
    ...(isKeyed(call) && {
      'Idempotent-Replayed': headerOf('`true` when the answer was given before'),
    }),
  };
  return Object.fromEntries(
    Object.entries(call.answers).map(([status, schema]) => [
      status,
      {
        description: descriptionOf(call, status),
        ...(Object.keys(headers).length > 0 && { headers }),
        ...(schema && {
          content: {
            [call.stream ? 'text/event-stream' : 'application/json']: {
              schema: schemaOf(schema, schemas, 'output'),
              ...exampleOf(examples[call.id]?.answer),
            },
            ...Object.fromEntries((call.also ?? []).map((type) => [type, { schema: { type: 'string' } }])),
          },
        }),
      },
    ]),
  );
}

function descriptionOf({ stream }: CallDescription, status: string): string {
  if (status === '201') return 'Created';
  if (status === '202') return 'Accepted: it is recorded, and will be carried out';
  if (!stream) return 'Done';
  return status === '204'
    ? 'Its end has been seen already'
    : 'A stream of events, each with this as its data';
}

const exampleOf = (example: object | undefined): Json => (example === undefined ? {} : { example });

function headerOf(description: string): Json {
  return { description, schema: { type: 'string' } };
}

function problemsOf(call: CallDescription, schemas: Json): Json {
  const byStatus = Map.groupBy(problemSlugsOf(call), (slug) => problems[slug][0]);
  return Object.fromEntries(
    Array.from(byStatus, ([status, slugs]) => [
      String(status),
      {
        description: slugs.map((slug) => `\`${slug}\`: ${problems[slug][1]}`).join('\n\n'),
        ...(status === 503 && { headers: { 'Retry-After': headerOf('Seconds to wait') } }),
        content: { 'application/problem+json': { schema: schemaOf(problemDocument, schemas, 'output') } },
      },
    ]),
  );
}

/** Those that every call may have, those of its kind, and its own. */
function problemSlugsOf(call: CallDescription): readonly ProblemSlug[] {
  return [
    ...new Set<ProblemSlug>([
      'bad-request',
      'invalid-url',
      ...(call.signed ? [] : (['unauthenticated', 'insufficient-scope'] as const)),
      'invalid-request',
      'internal',
      'ledger-unavailable',
      'overloaded',
      ...(call.query ? (['invalid-cursor'] as const) : []),
      ...(call.body ? (['invalid-json', 'body-too-large', 'unsupported-media-type'] as const) : []),
      ...(isKeyed(call) ? idempotencyProblems : []),
      ...call.problems,
    ]),
  ];
}

/** Whether the call wants an Idempotency-Key. */
function isKeyed({ method, signed }: CallDescription): boolean {
  return method === 'post' && signed !== true;
}

const idempotencyProblems = [
  'idempotency-key-missing',
  'idempotency-key-invalid',
  'idempotency-in-progress',
  'idempotency-key-reused',
] as const satisfies readonly ProblemSlug[];

/** The JSON Schema of a zod schema; what bears a name goes to the shared definitions. */
function schemaOf(schema: z.ZodType, schemas: Json, io: 'input' | 'output'): Json {
  // As a member of an object, a named schema becomes a reference rather than the root.
  const text = JSON.stringify(z.toJSONSchema(z.object({ it: schema }), { io, unrepresentable: 'any' }));
  const { properties, $defs } = JSON.parse(text.replaceAll('#/$defs/', '#/components/schemas/')) as {
    properties: { it: Json };
    $defs?: Json;
  };
  Object.assign(schemas, $defs);
  return properties.it;
}
