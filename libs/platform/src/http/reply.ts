/** Sends what is already text: no second serialisation, no unwanted header. */
import type { FastifyReply } from 'fastify';
import type { Problem } from './problem.js';

const json = 'application/json';
const problemJson = 'application/problem+json';

/** Without a serialiser Fastify adds a charset to JSON, which knows no such parameter. */
const asIs = (payload: unknown) => payload as string;

/** Sends a body as it is: a problem document from 400 on, else JSON. */
export function sendJson(reply: FastifyReply, status: number, body: string): void {
  void reply
    .code(status)
    .header('content-type', status >= 400 ? problemJson : json)
    .serializer(asIs)
    .send(body);
}

export function sendProblem(reply: FastifyReply, problem: Problem): void {
  void reply.headers(problem.headers);
  sendJson(reply, problem.status, JSON.stringify(problem));
}
