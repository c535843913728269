/**
 * A connection to PostgreSQL that is given up as soon as one answer is late. The server, or the network between, may never
 * answer: whoever was given the connection next would wait behind that question, and time out as well.
 */
import { Socket } from 'node:net';
import { Client, type ClientConfig } from 'pg';

/** How pg says that `query_timeout` has passed; it has no code of its own. */
const lateMessage = 'Query read timeout';

export class ImpatientClient extends Client {
  constructor(config: ClientConfig = {}) {
    const socket = new Socket();
    super({ ...config, stream: () => socket });
    // Not an override: pg declares eight ways to ask, and this is a remark on each of them.
    const ask = this.query.bind(this) as (...question: unknown[]) => Promise<unknown>;
    this.query = (async (...question: unknown[]) => {
      try {
        return await ask(...question);
      } catch (error) {
        if (error instanceof Error && error.message === lateMessage) socket.destroy(error);
        throw error;
      }
    }) as Client['query'];
  }
}
