/** The progress of a sale on standard error: a bar with live figures in a terminal, a line now and then elsewhere. */
import { SingleBar } from 'cli-progress';
import type { Scenario, SimulationProgress } from '#contracts';

const lineEveryMs = 5_000;

export class SaleProgress {
  private readonly bar: SingleBar;
  private started = false;

  constructor(private readonly scenario: Scenario) {
    this.bar = new SingleBar({
      // No wider than 80 columns, with a crowd of a hundred thousand too.
      format: '{bar} {percentage}% · {accepted} accepted · {refused} refused · {unitsLeft} left · {phase}',
      stream: process.stderr,
      barsize: 12,
      barCompleteChar: '█',
      barIncompleteChar: '░',
      hideCursor: true,
      clearOnComplete: false,
      noTTYOutput: true,
      notTTYSchedule: lineEveryMs,
    });
  }

  say(message: string): void {
    if (!this.started) process.stderr.write(`holdfast: ${message}\n`);
  }

  show({ phase, requests, planned, accepted, rejected, unitsLeft, oversold }: SimulationProgress): void {
    const { error, ...refusals } = rejected;
    const figures = {
      accepted,
      refused: Object.values(refusals).reduce((sum, count) => sum + count, 0),
      unitsLeft,
      phase: oversold > 0 ? `OVERSOLD ${oversold}` : error > 0 ? `${error} errors` : phase,
    };
    if (!this.started) {
      const { buyers, stock, strategy } = this.scenario;
      process.stderr.write(`holdfast: ${buyers} buyers for ${stock} units, ${strategy}\n`);
      this.bar.start(planned, 0, figures);
      this.started = true;
    }
    this.bar.setTotal(planned);
    this.bar.update(requests, figures);
  }

  end(): void {
    if (this.started) this.bar.stop();
  }
}
