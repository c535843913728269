/**
 * A TCP proxy that loses replies: the server has executed what it was asked, and nobody hears of it. Everything else it
 * passes on as it comes.
 */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

type Pair = {
  readonly client: Socket;
  readonly server: Socket;
  /** The last that was asked on it. */
  asked: Buffer;
  /** Nothing is passed on any more, and nobody closes it. */
  isStranded: boolean;
};

export class LossyProxy {
  private readonly pairs = new Set<Pair>();
  private repliesToLose = 0;
  private losesRepliesTo = '';

  private constructor(
    private readonly listener: Server,
    private readonly target: () => number,
  ) {
    listener.on('connection', (client) => this.accept(client));
  }

  /** Listens on a free port; `target` says where to connect to, at each connection. */
  static async listen(target: () => number, host = '127.0.0.1'): Promise<LossyProxy> {
    const listener = createServer({ noDelay: true });
    const proxy = new LossyProxy(listener, target);
    await new Promise<void>((resolve) => listener.listen(0, host, resolve));
    return proxy;
  }

  get port(): number {
    return (this.listener.address() as AddressInfo).port;
  }

  /** The next replies to what has such a text in it, each on whatever connection it comes, are dropped, and the connection with each. */
  loseReplies(count: number, to = ''): void {
    this.repliesToLose = count;
    this.losesRepliesTo = to;
  }

  /** Replies that were asked for and have not been lost yet; none will be any more. */
  stopLosing(): number {
    const left = this.repliesToLose;
    this.repliesToLose = 0;
    return left;
  }

  /** Every connection that there is leads nowhere any more, as when a machine lost its power; new ones are well. */
  strand(): void {
    for (const pair of this.pairs) pair.isStranded = true;
  }

  /** Closes every connection. */
  cut(): void {
    for (const pair of this.pairs) this.close(pair);
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.listener.close(resolve));
  }

  private accept(client: Socket): void {
    const server = connect({ port: this.target(), host: '127.0.0.1', noDelay: true });
    const pair: Pair = { client, server, asked: Buffer.alloc(0), isStranded: false };
    this.pairs.add(pair);
    client.on('data', (data) => {
      pair.asked = data;
      if (!pair.isStranded) server.write(data);
    });
    server.on('data', (data) => {
      if (pair.isStranded) return;
      if (this.repliesToLose > 0 && pair.asked.includes(this.losesRepliesTo)) {
        this.repliesToLose -= 1;
        this.close(pair);
      } else client.write(data);
    });
    for (const socket of [client, server]) {
      socket.on('error', () => undefined);
      socket.on('close', () => this.close(pair));
    }
  }

  private close(pair: Pair): void {
    this.pairs.delete(pair);
    pair.client.destroy();
    pair.server.destroy();
  }
}
