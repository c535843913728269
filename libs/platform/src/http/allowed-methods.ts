/** Which methods a path knows: for 405 with `Allow`, and for OPTIONS. */
export class AllowedMethods {
  private readonly routes: { readonly segments: readonly string[]; readonly methods: readonly string[] }[] =
    [];

  /** @param pattern a route with `:name` for what varies; one with `*` is left out. */
  add(pattern: string, methods: readonly string[]): void {
    if (!pattern.includes('*')) this.routes.push({ segments: pattern.split('/'), methods });
  }

  /** The methods of the routes that this path matches, in the order of the alphabet. */
  of(path: string): readonly string[] {
    const segments = path.split('/');
    const methods = this.routes
      .filter((route) => matches(route.segments, segments))
      .flatMap((route) => route.methods);
    return [...new Set(methods)].sort();
  }
}

function matches(pattern: readonly string[], segments: readonly string[]): boolean {
  return (
    pattern.length === segments.length &&
    pattern.every((part, at) => (part.startsWith(':') ? segments[at] !== '' : part === segments[at]))
  );
}
