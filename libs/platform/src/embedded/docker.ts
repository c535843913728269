/** The little that is asked of Docker, through its command-line client. */
import { findOnPath, runToEnd } from './programs.js';

const answerTimeoutMs = 5000;

/** Whether there is a client and an engine that answers it. */
export async function dockerAnswers(): Promise<boolean> {
  if ((await findOnPath(['docker'])) === undefined) return false;
  const ended = await runToEnd('docker', ['info', '--format', '{{.ServerVersion}}'], {
    timeoutMs: answerTimeoutMs,
  });
  return ended.code === 0;
}
