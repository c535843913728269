/** Simulations over HTTP: started, looked at, and followed while they run. */
import { Controller, Get, Inject, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isUuid, listSimulationsQuery, simulationBody, type Scenario, type WireSimulation } from '#contracts';
import { Call, Cursors, Problem, sendJson } from '#platform';
import { SimulationRunningError, type Simulations } from '#simulation';
import { jsonAnswer } from '../http/answers.js';
import { Idempotent } from '../http/idempotent.js';
import { pageRequestOf, presentPage } from '../http/pagination.js';
import { bodyOf, queryOf } from '../http/request.js';
import { hasSeenTheEnd, SimulationEvents } from './simulation-events.js';
import { SIMULATIONS } from '../tokens.js';

const admin = Call({ scopes: ['admin'] });

@Controller('v1/simulations')
export class SimulationsController {
  constructor(
    @Inject(SIMULATIONS) private readonly simulations: Simulations,
    @Inject(SimulationEvents) private readonly events: SimulationEvents,
    @Inject(Idempotent) private readonly idempotent: Idempotent,
    @Inject(Cursors) private readonly cursors: Cursors,
  ) {}

  @Post()
  @admin
  async start(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { scenario } = bodyOf(request, simulationBody);
    if (scenario.time === 'real' && !this.simulations.runsInRealTime) {
      const message =
        'In production a simulation runs in virtual time; for real time there is `holdfast simulate`';
      throw new Problem('invalid-request', message, { errors: [{ path: 'scenario.time', message }] });
    }
    await this.idempotent.answer(request, reply, async (operation) =>
      this.idempotent.keep(operation, jsonAnswer(202, await this.begin(operation.id, scenario))),
    );
  }

  @Get()
  @Call({ scopes: ['admin'], query: true })
  async list(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const query = queryOf(request, listSimulationsQuery);
    const list = { name: 'simulations', filter: {} };
    const page = await this.simulations.list(pageRequestOf(this.cursors, list, query));
    sendJson(
      reply,
      200,
      presentPage(this.cursors, list, page, (one) => one),
    );
  }

  @Get(':id')
  @admin
  async read(@Param('id') id: string, @Res() reply: FastifyReply): Promise<void> {
    sendJson(reply, 200, JSON.stringify(await this.found(id)));
  }

  @Get(':id/events')
  @Call({ scopes: ['admin'], stream: true })
  async follow(
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const simulation = await this.found(id);
    if (request.method === 'HEAD') {
      void reply.header('content-type', 'text/event-stream').send();
      return;
    }
    // What an EventSource takes for: do not come again.
    if (hasSeenTheEnd(simulation, request.headers['last-event-id'])) {
      void reply.code(204).send();
      return;
    }
    this.events.admit();
    reply.hijack();
    this.events.subscribe(reply.raw, simulation);
  }

  private async begin(id: string, scenario: Scenario): Promise<Pick<WireSimulation, 'id' | 'status'>> {
    try {
      return await this.simulations.start(id, scenario);
    } catch (error) {
      if (!(error instanceof SimulationRunningError)) throw error;
      const detail =
        'Another simulation is running; only one runs at a time, so that they do not disturb each other';
      throw new Problem('overloaded', detail, {}, { 'retry-after': '10' });
    }
  }

  private async found(id: string): Promise<WireSimulation> {
    const simulation = isUuid(id) ? await this.simulations.find(id) : undefined;
    if (!simulation) throw new Problem('not-found', 'No simulation has this id, or it is no longer kept');
    return simulation;
  }
}
