/**
 * A connection to PostgreSQL that is given up as soon as one answer is late. The server, or the network between, may never
 * answer: whoever was given the connection next would wait behind that question, and time out as well.
 *
 * It has the patience itself, and gives pg a callback: with `query_timeout`, or for a promise, pg assigns a function literal to a
 * property, and V8 makes such in the old part of the heap, where it keeps all that the question refers to until the next
 * collection of everything (docs/decisions, 63).
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
