/** Headers of every page: it loads and calls this origin only, in no frame, and is of the type that it says. */

/** @param more further directives, for what else the page needs. */
export function securityHeaders(more: readonly string[]): Readonly<Record<string, string>> {
  const directives = [
    "default-src 'none'",
    "script-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  return {
    'content-security-policy': [...directives, ...more].join('; '),
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'cross-origin-opener-policy': 'same-origin',
  };
}
