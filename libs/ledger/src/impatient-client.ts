/**
 * A connection to PostgreSQL that is given up as soon as one answer is late. The server, or the network in between, may never
 * answer: the next user of the connection would wait behind that query, and time out as well.
 *
 * It runs the timeout itself, and gives pg a callback. With `query_timeout`, or when it returns a promise, pg assigns a function
 * literal to a property; V8 allocates such functions in the old generation, where they keep everything the query refers to until
 * the next full collection (docs/decisions, 63).
 */
import { Socket } from 'node:net';
import { Client, type ClientConfig, type QueryResult } from 'pg';
import { systemTimers } from '#platform';

type Heard = (error: Error | null, result: QueryResult) => void;
type Ask = (text: string, values: unknown[], heard: Heard) => void;

export class ImpatientClient extends Client {
  /** @param config its `query_timeout` says how late is late; none waits for ever */
  constructor({ query_timeout: patienceMs, ...config }: ClientConfig = {}) {
    const socket = new Socket();
    super({ ...config, stream: () => socket });
    const ask = this.query.bind(this) as Ask;
    // Not an override: pg declares eight ways to ask, and this is the one that is used here.
    this.query = ((text: string, values: unknown[] = []): Promise<QueryResult> =>
      new Promise((resolve, reject) => {
        const timer = patienceMs
          ? systemTimers.after(patienceMs, () => {
              const late = new Error(`no answer within ${patienceMs} ms`);
              reject(late);
              socket.destroy(late);
            })
          : null;
        ask(text, values, (error, result) => {
          timer?.cancel();
          if (error) reject(error);
          else resolve(result);
        });
      })) as Client['query'];
  }
}
