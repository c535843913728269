/** Has a running service reconcile, over its REST API, and waits for what comes of it. */
import { openAsBlob } from 'node:fs';
import path from 'node:path';
import { acceptedRun, reconciliationRun, type WireReconciliationRun } from '#contracts';
import type { StatementFormat } from '#payments';
import { systemClock, systemIds, systemTimers, type Config } from '#platform';
import type { FileOutcome } from '#reconciliation';
import { CommandFailure } from '../failures.js';
import { writeResult } from '../output.js';
import { Progress } from '../progress.js';
import { RunningService } from '../running-service.js';

type Options = { readonly dry: boolean; readonly html: string | undefined };

const pollMs = 250;

export async function askForFile(
  url: string,
  config: Config,
  { file, format, dry, html }: Options & { readonly file: string; readonly format: StatementFormat },
): Promise<FileOutcome> {
  const query = new URLSearchParams({
    format,
    mode: dry ? 'dry-run' : 'commit',
    file: path.basename(file).slice(0, 255),
  });
  const service = new Service(url, config);
  const body = await openAsBlob(file);
  return service.runToItsEnd(
    `/v1/reconciliations/files?${query.toString()}`,
    body,
    'application/octet-stream',
    html,
  );
}

export async function askForProvider(
  url: string,
  config: Config,
  command: Options & {
    readonly provider: string;
    readonly from: string | undefined;
    readonly to: string | undefined;
  },
): Promise<FileOutcome> {
  const { provider, from, to, dry, html } = command;
  const body = JSON.stringify({ provider, mode: dry ? 'dry-run' : 'commit', from, to });
  return new Service(url, config).runToItsEnd('/v1/reconciliations', body, 'application/json', html);
}

class Service extends RunningService {
  async runToItsEnd(
    where: string,
    body: Blob | string,
    type: string,
    html: string | undefined,
  ): Promise<FileOutcome> {
    const headers = { 'content-type': type, 'idempotency-key': systemIds.uuid() };
    const accepted = await this.ask(where, { method: 'POST', body, headers });
    const { id } = acceptedRun.parse(await accepted.json());
    const run = await this.untilEnded(id);
    if (html !== undefined) {
      const page = await this.ask(`/v1/reconciliations/${id}/report?format=html`);
      await writeResult(html, await page.text());
    }
    if (run.result === null) throw new CommandFailure(run.error ?? 'the run has no result', 1);
    return { result: run.result, brokenOff: run.error };
  }

  private async untilEnded(id: string): Promise<WireReconciliationRun> {
    const progress = new Progress(systemClock, 1, 'run');
    try {
      for (;;) {
        const run = reconciliationRun.parse(await (await this.ask(`/v1/reconciliations/${id}`)).json());
        if (run.finishedAt !== null) return run;
        progress.say(run.status, run.rows);
        await systemTimers.sleep(pollMs);
      }
    } finally {
      progress.stop();
    }
  }
}
