/** What the machine can do at all: a bare Fastify that reads the same body and answers a constant 201. */
import fastify from 'fastify';

const answer = { id: '00000000-0000-8000-8000-000000000000', status: 'held' };

const app = fastify();
app.post('/v1/reservations', (_request, reply) => reply.code(201).send(answer));
process.stdout.write(`listens on ${await app.listen({ port: 0, host: '127.0.0.1' })}\n`);
