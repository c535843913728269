/** A service that runs already, to rehearse on: whether it is there, knows the keys, and what cannot be asked of it. */
import type { Scenario } from '#contracts';
import { developmentKeys } from '#platform';
import type { Target } from '#simulation';
import { CommandFailure, UsageError } from '../failures.js';
import { reasonOf, refuseOtherThanAddress } from '../running-service.js';

const scopes = ['storefront', 'admin'] as const;
type Scope = (typeof scopes)[number];

const answerWithinMs = 10_000;

/**
 * Asks the service whose keys they are, before a sale is tried on it. Keys come from the environment; without any, those
 * that every embedded service knows.
 * @throws UsageError, CommandFailure
 */
export async function targetAt(url: string): Promise<Target> {
  refuseOtherThanAddress(url);
  const keys = { storefront: keyOf('storefront'), admin: keyOf('admin') };
  for (const scope of scopes) await hold(url, scope, keys[scope]);
  return { url, keys };
}

/** What a service that runs already cannot be made to do. @throws UsageError */
export function refuseOnTarget(scenario: Scenario, { crash }: { readonly crash: boolean }): void {
  const refusals: readonly (readonly [boolean, string])[] = [
    [scenario.time === 'virtual', 'nothing is asked in virtual time'],
    [scenario.strategy !== 'holdfast', `it sells as Holdfast does, not by ${scenario.strategy}`],
    [scenario.instances > 1, 'it has the instances that it has'],
    [crash || scenario.faults.length > 0, 'what is not started here is not killed or slowed down here'],
  ];
  const refused = refusals.find(([is]) => is);
  if (refused) throw new UsageError(`--url: ${refused[1]}`);
}

async function hold(url: string, scope: Scope, secret: string): Promise<void> {
  const name = variableOf(scope);
  const address = new URL('/console/session', url);
  const reply = await fetch(address, {
    headers: { authorization: `Bearer ${secret}` },
    signal: AbortSignal.timeout(answerWithinMs),
  }).catch((error: unknown) => {
    throw new CommandFailure(
      `no service answers at ${url} (${reasonOf(error)}): start it, or correct --url`,
      1,
    );
  });
  const session = (await reply.json().catch(() => ({}))) as { name?: string; scopes?: readonly string[] };
  if (reply.status === 401) {
    throw new CommandFailure(`${url} does not know the ${scope} key: set ${name} to one that it knows`, 1);
  }
  if (!reply.ok || !Array.isArray(session.scopes))
    throw new CommandFailure(`what answers at ${url} is not Holdfast (${reply.status}): correct --url`, 1);
  if (!session.scopes.includes(scope)) {
    const has = session.scopes.join(' and ');
    throw new CommandFailure(
      `the key ${session.name} is for ${has}, and a sale needs one for ${scope} too: set ${name}`,
      1,
    );
  }
}

function keyOf(scope: Scope): string {
  return process.env[variableOf(scope)] ?? developmentKeys.find((key) => key.scope === scope)!.secret;
}

function variableOf(scope: Scope): string {
  return `HOLDFAST_${scope.toUpperCase()}_KEY`;
}
