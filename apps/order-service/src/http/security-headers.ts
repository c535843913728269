/**
 * What every page says to browsers: it loads and calls what comes from here and nothing else, in no frame, and is what it
 * says it is.
 */

/** @param more directives beside: what the page needs, and may have. */
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
