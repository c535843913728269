/**
 * `/console`: the page that apps/console was bundled into. Its assets are named by their content and cached for ever; the
 * page itself is revalidated each time. The policy lets it load and call this origin only: no inline script or style, no
 * other origin, no frame around it.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import fastifyStatic from '@fastify/static';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Logger } from '#platform';
import { securityHeaders } from '../http/security-headers.js';

const headers = securityHeaders([
  "style-src 'self'",
  "base-uri 'none'",
  "require-trusted-types-for 'script'",
]);

/** Beside the compiled service, or in dist/ when the sources themselves run. */
const folders = ['../../../console', '../../../../dist/apps/console'].map((folder) =>
  path.resolve(import.meta.dirname, folder),
);

/** Serves the page when it has been built; says so when it has not. */
export async function serveConsole(nest: NestFastifyApplication, logger: Logger): Promise<void> {
  const root = folders.find((folder) => existsSync(path.join(folder, 'index.html')));
  if (root === undefined) {
    logger.warn('the console is not served: it has not been built (npm run build)');
    return;
  }
  const fastify = nest.getHttpAdapter().getInstance();
  await fastify.register(fastifyStatic, {
    root,
    prefix: '/console/',
    cacheControl: false,
    setHeaders: (reply, file) => {
      const kept = file.startsWith(path.join(root, 'assets'));
      void reply.headers({
        ...headers,
        'cache-control': kept ? 'public, max-age=31536000, immutable' : 'no-cache',
      });
    },
  });
  fastify.get('/console', (_, reply) => reply.sendFile('index.html'));
  // A request for the bare address comes from a person in a browser.
  fastify.get('/', (_, reply) => reply.redirect('/console'));
}
