/** Requests as a shop sends them: HTTP with kept connections, each bounded in time. */
import { Agent, request } from 'node:http';

export type HttpAnswer = { readonly status: number; readonly replayed: boolean; readonly text: string };

export type HttpCall = {
  /** 127.0.0.1 unless said. */
  readonly host?: string;
  readonly port: number;
  readonly method: string;
  readonly path: string;
  readonly secret: string;
  readonly idempotencyKey?: string | undefined;
  /** JSON, as text. */
  readonly body?: string | undefined;
  readonly timeoutMs?: number;
};

const agent = new Agent({ keepAlive: true, maxSockets: 256 });

/** Throws when no whole answer came: what happened is unknown then. */
export function send(call: HttpCall): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const { host = '127.0.0.1', port, method, path, secret, idempotencyKey, body, timeoutMs = 8_000 } = call;
    const sent = request({
      agent,
      host,
      port,
      method,
      path,
      headers: {
        authorization: `Bearer ${secret}`,
        ...(idempotencyKey && { 'idempotency-key': idempotencyKey }),
        ...(body !== undefined && {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
        }),
      },
    });
    sent.setTimeout(timeoutMs, () => sent.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    sent.once('error', reject);
    sent.once('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.once('error', reject);
      response.once('end', () => {
        if (!response.complete) return reject(new Error('the answer broke off'));
        const replayed = response.headers['idempotent-replayed'] === 'true';
        resolve({ status: response.statusCode ?? 0, replayed, text });
      });
    });
    sent.end(body);
  });
}
