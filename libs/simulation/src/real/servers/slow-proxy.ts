/** A TCP proxy that can hold every reply back for a while: a server that has become slow, and loses nothing. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { systemTimers } from '#platform';

export class SlowProxy {
  private readonly sockets = new Set<Socket>();
  private delayMs = 0;

  private constructor(
    private readonly listener: Server,
    private readonly target: number,
  ) {
    listener.on('connection', (client) => this.accept(client));
  }

  static async listen(target: number): Promise<SlowProxy> {
    const listener = createServer({ noDelay: true });
    const proxy = new SlowProxy(listener, target);
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.listener.address() as AddressInfo).port;
  }

  /** From now on replies come this much later; 0: at once. Their order stays. */
  slow(delayMs: number): void {
    this.delayMs = delayMs;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.listener.close(resolve));
  }

  private accept(client: Socket): void {
    const server = connect({ port: this.target, host: '127.0.0.1', noDelay: true });
    let earlier: Promise<void> = Promise.resolve();
    client.on('data', (data) => server.write(data));
    server.on('data', (data) => {
      const slept = this.delayMs > 0 ? systemTimers.sleep(this.delayMs) : undefined;
      earlier = Promise.all([earlier, slept]).then(() => void client.write(data));
    });
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.sockets.add(one);
      one.on('error', () => undefined);
      one.on('close', () => {
        this.sockets.delete(one);
        other.destroy();
      });
    }
  }
}
