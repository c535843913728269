/** `/openapi.json`, and Swagger UI on top of it, from our own files: nothing is fetched from elsewhere. */
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { securityHeaders } from '../http/security-headers.js';
import { openApiDocument } from './document.js';

/** Swagger UI uses inline styles. */
const headers = securityHeaders(["style-src 'self' 'unsafe-inline'", "font-src 'self'", "base-uri 'none'"]);

export function serveDocs(nest: NestFastifyApplication): void {
  const fastify = nest.getHttpAdapter().getInstance();
  fastify.addHook('onRoute', (route) => {
    if (/^\/docs(\/|$)/.test(route.url)) route.onRequest = async (_, reply) => void reply.headers(headers);
  });
  const document = openApiDocument() as unknown as OpenAPIObject;
  SwaggerModule.setup('docs', nest, document, {
    raw: ['json'],
    jsonDocumentUrl: 'openapi.json',
    customSiteTitle: 'Holdfast API',
    swaggerOptions: { persistAuthorization: true },
  });
}
