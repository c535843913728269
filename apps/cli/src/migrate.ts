/** `holdfast migrate`: the ledger's schema, brought up to date. */
import { defineCommand } from 'citty';
import { migrateInstallation } from '#reservations';
import { readEnvironment } from './environment.js';
import { jsonArgument, openOutput } from './output.js';

export const migrate = defineCommand({
  args: { json: jsonArgument },
  async run({ args }) {
    const { config, logger } = readEnvironment();
    const output = await openOutput(args.json);
    const steps = await migrateInstallation(config, logger);
    for (const step of steps) output.say(`took ${step}`);
    if (steps.length === 0) output.say('the schema is up to date');
    await output.finish({ steps });
  },
});
