/**
 * Running simulations, pushed to those who follow them (server-sent events): `progress` with the figures, a few times a
 * second, and `finished` with the whole simulation, after which the stream ends. The id of an event is the status that it
 * reports, so a client that reconnects says whether it has seen the end. A follower whose connection is full misses figures,
 * never the end.
 */
import type { ServerResponse } from 'node:http';
import type { SimulationProgress, WireSimulation } from '#contracts';
import type { Simulations } from '#simulation';
import { beginEventStream, eventText, tooManySubscribers } from '../http/event-stream.js';

const followersMax = 100;

export class SimulationEvents {
  private readonly followers = new Set<ServerResponse>();
  private closed = false;

  constructor(private readonly simulations: Pick<Simulations, 'watch'>) {}

  /** @throws Problem `overloaded` when there are as many followers as there may be, or the service is ending */
  admit(): void {
    if (!this.closed && this.followers.size < followersMax) return;
    throw tooManySubscribers();
  }

  subscribe(response: ServerResponse, simulation: WireSimulation): void {
    beginEventStream(response);
    if (simulation.status !== 'running') {
      response.end(finished(simulation));
      return;
    }
    this.followers.add(response);
    const onProgress = (progress: SimulationProgress): void => {
      if (response.writable && !response.writableNeedDrain)
        response.write(eventText('progress', 'running', progress));
    };
    const onEnd = (ended: WireSimulation | undefined): void => {
      if (response.writable) response.end(ended && finished(ended));
    };
    const unwatch = this.simulations.watch(simulation.id, { onProgress, onEnd });
    const leave = (): void => {
      unwatch();
      this.followers.delete(response);
    };
    response.on('close', leave);
    response.on('error', leave);
    onProgress(simulation.progress);
  }

  /** Ends every stream. Nobody is admitted any more. */
  close(): void {
    this.closed = true;
    for (const response of this.followers) response.end();
  }
}

/** Whether a follower that reconnects with this id has been told how the simulation ended. */
export function hasSeenTheEnd(
  { status }: WireSimulation,
  lastEventId: string | string[] | undefined,
): boolean {
  return status !== 'running' && lastEventId === status;
}

function finished(simulation: WireSimulation): string {
  return eventText('finished', simulation.status, simulation);
}
