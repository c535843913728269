/** `/openapi.json`, and Swagger UI over it from files of our own: nothing is fetched from anywhere else. */
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { openApiDocument } from './document.js';

export function serveDocs(nest: NestFastifyApplication): void {
  const document = openApiDocument() as unknown as OpenAPIObject;
  SwaggerModule.setup('docs', nest, document, {
    raw: ['json'],
    jsonDocumentUrl: 'openapi.json',
    customSiteTitle: 'Holdfast API',
    swaggerOptions: { persistAuthorization: true },
  });
}
