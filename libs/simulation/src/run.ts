/** A run of a scenario, in whichever time it wants: the one thing that the command line and REST both do. */
import type { Scenario, SimulationReport } from '#contracts';
import { rehearse, type RehearsalOptions } from './real/rehearse.js';
import { rehearseVirtually, type VirtualOptions } from './virtual/rehearse-virtually.js';

export function runScenario(
  scenario: Scenario,
  options: RehearsalOptions & Pick<VirtualOptions, 'costs'>,
): Promise<SimulationReport> {
  return scenario.time === 'virtual' ? rehearseVirtually(scenario, options) : rehearse(scenario, options);
}
