/**
 * The canonical path of a call. A client may write it as an absolute URL, with an empty query or with `%62` for `b`, and still
 * mean the same call.
 */
import type { FastifyRequest } from 'fastify';

/** The path of the route, with its parameters as they were read. */
export function callPathOf({
  routeOptions,
  params,
}: Pick<FastifyRequest, 'routeOptions' | 'params'>): string {
  const values = params as Readonly<Record<string, string>>;
  return routeOptions.url!.replaceAll(/:(\w+)/g, (_, name: string) => values[name]!);
}
