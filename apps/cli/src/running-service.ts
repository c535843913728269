/** A service that runs already, asked over REST with an admin's key; what it refuses is said in its own words. */
import { problemDocument } from '#contracts';
import { developmentKeys, type Config } from '#platform';
import { CommandFailure, UsageError } from './failures.js';

export class RunningService {
  /** Keys are kept as digests: only the development key can be known here. */
  private readonly secret =
    process.env['HOLDFAST_ADMIN_KEY'] ?? developmentKeys.find(({ scope }) => scope === 'admin')!.secret;

  /** @throws UsageError when it is no address */
  constructor(
    private readonly url: string,
    private readonly config: Pick<Config, 'port'>,
  ) {
    refuseOtherThanAddress(url);
  }

  /** @throws CommandFailure, UsageError with what the service says is wrong */
  async ask(where: string, init: RequestInit = {}): Promise<Response> {
    const address = new URL(where, this.url);
    const headers = new Headers(init.headers);
    headers.set('authorization', `Bearer ${this.secret}`);
    const reply = await fetch(address, { ...init, headers }).catch((error: unknown) => {
      const hint = this.config.port === 3_000 ? ' If it listens elsewhere, say so with --url.' : '';
      throw new CommandFailure(
        `no answer from ${this.url}: ${reasonOf(error)}. Start the service.${hint}`,
        1,
      );
    });
    if (reply.ok) return reply;
    if (reply.status === 401) {
      throw new CommandFailure(`${this.url} does not know the key: set HOLDFAST_ADMIN_KEY`, 1);
    }
    throw refusalOf(`${this.url} answers ${reply.status}`, await reply.text());
  }
}

/** Where the service of this configuration is asked on this machine: one that listens everywhere, at the loopback. */
export function addressHere({ host, port }: Pick<Config, 'host' | 'port'>): string {
  const loopback: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };
  const at = loopback[host] ?? host;
  return `http://${at.includes(':') ? `[${at}]` : at}:${port}`;
}

/** @throws UsageError */
export function refuseOtherThanAddress(url: string): void {
  if (!/^https?:/.test(url) || !URL.canParse(url))
    throw new UsageError('--url is the address of a service, like http://127.0.0.1:3000');
}

/** Why nobody answered: fetch says so in what caused its error. */
export function reasonOf(error: unknown): string {
  const { cause, message } = error as Error & { cause?: { code?: string; message?: string } };
  return cause?.code ?? cause?.message ?? message;
}

/** What does not have the form that is wanted is wrong usage. */
function refusalOf(who: string, text: string): Error {
  const problem = problemDocument.safeParse(parsed(text)).data;
  if (!problem) return new CommandFailure(`${who}: ${text}`, 1);
  const { status, detail, errors = [] } = problem;
  if (status !== 422) return new CommandFailure(`${who}: ${detail}`, 1);
  const wrong = errors.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`));
  return new UsageError(wrong.join('; ') || detail);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
