/** For those who run the service: is it alive, is it ready, what has it counted. */
import { Controller, Get, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { checkReadiness, type Metrics, type ReadinessProbe, type Timers } from '#platform';
import { METRICS, PROBES, TIMERS } from '../tokens.js';

@Controller()
export class OperationsController {
  constructor(
    @Inject(PROBES) private readonly probes: readonly ReadinessProbe[],
    @Inject(METRICS) private readonly metrics: Metrics,
    @Inject(TIMERS) private readonly timers: Timers,
  ) {}

  @Get('livez')
  alive(@Res() reply: FastifyReply): void {
    void reply.send({ ok: true });
  }

  @Get('readyz')
  async ready(@Res() reply: FastifyReply): Promise<void> {
    const report = await checkReadiness(this.probes, this.timers);
    if (!report.ok) void reply.header('retry-after', '1');
    void reply.code(report.ok ? 200 : 503).send(report);
  }

  @Get('metrics')
  async measure(@Res() reply: FastifyReply): Promise<void> {
    const { registry } = this.metrics;
    void reply.header('content-type', registry.contentType).send(await this.metrics.text());
  }
}
