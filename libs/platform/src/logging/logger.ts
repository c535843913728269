/**
 * One logger for the process: a line of JSON per event, or readable lines on a terminal. API keys never reach it:
 * what carries them is redacted wherever it is logged.
 */
import type { LoggerService } from '@nestjs/common';
import { type Logger, pino } from 'pino';
import type { LogLevel } from '../config/config.js';

export type { Logger } from 'pino';

const secrets = ['authorization', '*.authorization', '*.*.authorization', '*.*.*.authorization'];

/** @param options.readable for a person at a terminal, rather than for a collector. */
export function createLogger(options: {
  readonly level: LogLevel;
  readonly readable: boolean;
  /** Where lines go; standard output when not given. */
  readonly stream?: { write(line: string): void };
}): Logger {
  const settings = { level: options.level, redact: secrets, base: { service: 'holdfast' } };
  if (options.stream) return pino(settings, options.stream);
  if (!options.readable) return pino(settings);
  return pino({
    ...settings,
    transport: { target: 'pino-pretty', options: { ignore: 'pid,hostname,service', singleLine: true } },
  });
}

/** Nest's own words, by the process's logger. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, ...rest: unknown[]): void {
    // Nest tells of every route it maps: worth a debug line each, not more.
    this.logger.debug({ context: rest.at(-1) }, String(message));
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.logger.error(
      { context: rest.at(-1), err: message instanceof Error ? message : undefined },
      String(message),
    );
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.logger.warn({ context: rest.at(-1) }, String(message));
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.logger.fatal({ context: rest.at(-1) }, String(message));
  }
}
