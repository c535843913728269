import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from '../fixtures/client.js';
import { startService } from '../fixtures/service.js';

type Operation = {
  operationId: string;
  security: unknown;
  parameters: { name: string; in: string; required: boolean; schema: unknown }[];
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Record<string, { description: string; content: Record<string, { schema: Schema }> }>;
};
type Schema = Record<string, unknown>;
type Document = {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema>; securitySchemes: Record<string, Schema> };
};

let client: Client;
let document: Document;
let operations: [string, Operation][];

beforeAll(async () => {
  client = new Client(await startService());
  document = (await client.request<Document>('/openapi.json', { key: null })).body;
  operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, Operation] => [
      `${method.toUpperCase()} ${path}`,
      operation,
    ]),
  );
});
afterAll(() => client.service.stop());

describe('/openapi.json', () => {
  it('is OpenAPI 3.1 and knows every call', () => {
    expect(document.openapi).toBe('3.1.0');
    expect(operations.map(([call]) => call).sort()).toEqual([
      'GET /v1/audit/invariants',
      'GET /v1/discrepancies',
      'GET /v1/orders',
      'GET /v1/orders/{id}',
      'GET /v1/payments',
      'GET /v1/payments/{id}',
      'GET /v1/reconciliations',
      'GET /v1/reconciliations/{id}',
      'GET /v1/reconciliations/{id}/discrepancies',
      'GET /v1/reconciliations/{id}/report',
      'GET /v1/reservations',
      'GET /v1/reservations/{id}',
      'GET /v1/simulations',
      'GET /v1/simulations/{id}',
      'GET /v1/simulations/{id}/events',
      'GET /v1/skus',
      'GET /v1/skus/{sku}',
      'GET /v1/skus/{sku}/events',
      'POST /v1/discrepancies/{id}/resolve',
      'POST /v1/orders/{id}/cancel',
      'POST /v1/orders/{id}/fulfil',
      'POST /v1/payments/webhooks/{provider}',
      'POST /v1/reconciliations',
      'POST /v1/reconciliations/files',
      'POST /v1/reservations',
      'POST /v1/reservations/{id}/confirm',
      'POST /v1/reservations/{id}/extend',
      'POST /v1/reservations/{id}/pay',
      'POST /v1/reservations/{id}/release',
      'POST /v1/simulations',
      'POST /v1/skus/{sku}/adjustments',
      'PUT /v1/skus/{sku}',
    ]);
  });

  it('describes what is served: every call it names answers, with a method that its path knows', async () => {
    for (const [call] of operations) {
      const [method, path] = call.split(' ') as [string, string];
      const url = path.replace(/\{\w+\}/, 'x');
      const options = await client.request(url, { method: 'OPTIONS' });
      expect({ call, allow: options.headers.get('allow')?.split(', ').includes(method) }).toEqual({
        call,
        allow: true,
      });
    }
  });

  it('says of every call who may, what it answers, and which problems there are', () => {
    for (const [call, { security, responses, parameters, requestBody }] of operations) {
      const signed = call.includes('/webhooks/');
      expect({ call, security }).toEqual({ call, security: signed ? [] : [{ apiKey: [] }] });
      const statuses = Object.keys(responses);
      expect({ call, good: statuses.some((status) => status.startsWith('2')) }).toEqual({ call, good: true });
      for (const status of ['401', signed ? '413' : '403', '422', '500', '503'])
        expect(statuses).toContain(status);
      // Any call may come while as many are in flight as there may be.
      expect(responses['503']!.description).toContain('`overloaded`');
      for (const [status, { content }] of Object.entries(responses)) {
        if (Number(status) >= 400) expect(Object.keys(content)[0]).toBe('application/problem+json');
      }
      const keys = parameters.filter(({ name }) => name === 'Idempotency-Key');
      expect({ call, keys: keys.length }).toEqual({ call, keys: call.startsWith('POST') && !signed ? 1 : 0 });
      const names = parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => `{${name}}`);
      expect(names).toEqual(call.match(/\{\w+\}/g) ?? []);
      expect(Boolean(requestBody)).toBe(/^(POST|PUT)/.test(call));
    }
  });

  it('says of every stream what its events have, and what a follower who comes back is to say', () => {
    const streamOf = (path: string) => {
      const { responses, parameters } = document.paths[path]!['get']!;
      const { schema } = responses['200']!.content['text/event-stream']!;
      return { schema, header: parameters.find(({ name }) => name === 'Last-Event-ID'), responses };
    };
    const reference = (name: string) => ({ $ref: `#/components/schemas/${name}` });
    const levels = streamOf('/v1/skus/{sku}/events');
    expect(levels.schema).toEqual(reference('StockLevel'));
    expect(levels.header).toMatchObject({ description: expect.stringContaining('version') });
    expect(Object.keys(levels.responses)).not.toContain('204');
    const simulation = streamOf('/v1/simulations/{id}/events');
    expect(simulation.schema).toEqual({
      anyOf: [reference('SimulationProgress'), reference('Simulation')],
    });
    expect(simulation.header).toMatchObject({ description: expect.stringContaining('end') });
    expect(simulation.responses['204']!.description).toContain('end');
  });

  it('has no reference that leads nowhere', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(
      ([, reference]) => reference!,
    );
    expect(references.length).toBeGreaterThan(20);
    for (const reference of references) {
      const name = /^#\/components\/schemas\/(\w+)$/.exec(reference)?.[1];
      expect(Object.keys(document.components.schemas)).toContain(name);
    }
  });

  it('describes a cart as it is checked', () => {
    const [, reserve] = operations.find(([call]) => call === 'POST /v1/reservations')!;
    expect(reserve.requestBody!.content['application/json']!.schema).toMatchObject({
      type: 'object',
      additionalProperties: false,
      required: ['buyerId', 'lines'],
      properties: {
        buyerId: { type: 'string', minLength: 1, maxLength: 128 },
        lines: { type: 'array', minItems: 1, maxItems: 50 },
        ttlSeconds: { type: 'integer', minimum: 1, maximum: 86_400 },
        metadata: { type: 'object' },
      },
    });
    expect(reserve.responses['201']!.content['application/json']!.schema).toEqual({
      $ref: '#/components/schemas/Reservation',
    });
    expect(reserve.responses['409']!.description).toContain('sold-out');
  });
});

describe('/docs', () => {
  it('is a page whose every part comes from here', async () => {
    const page = await client.request('/docs', { key: null });
    expect(page.headers.get('content-type')).toContain('text/html');
    const parts = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, part]) => part!);
    expect(parts.length).toBeGreaterThan(3);
    for (const part of parts) {
      expect(part).not.toMatch(/^(https?:)?\/\//);
      const url = new URL(part, `${client.service.baseUrl}/docs`);
      expect({ part, status: (await client.request(url.pathname, { key: null })).status }).toEqual({
        part,
        status: 200,
      });
    }
  });
});
