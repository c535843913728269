/** A scenario in one line. */
import type { Scenario } from '#contracts';
import { count } from '../format.js';

export function arrivalsOf(scenario: Scenario): string {
  const { arrivals, instances, skus, seed, bots, faults, time } = scenario;
  const seconds = arrivals.curve === 'recorded' ? arrivals.perSecond.length : arrivals.seconds;
  return [
    `${arrivals.curve} of ${count(seconds)} s`,
    plural(instances, 'instance'),
    ...(skus > 1 ? [plural(skus, 'SKU')] : []),
    ...(bots.count > 0 ? [plural(bots.count, 'bot')] : []),
    ...(faults.length > 0 ? [plural(faults.length, 'fault')] : []),
    ...(time === 'virtual' ? ['virtual time'] : []),
    `seed ${seed}`,
  ].join(' · ');
}

function plural(many: number, noun: string): string {
  return `${count(many)} ${noun}${many === 1 ? '' : 's'}`;
}
