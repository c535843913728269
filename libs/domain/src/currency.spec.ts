import { expect, it } from '@jest/globals';
import { exponentOf } from './currency.js';

/** Baskets of currencies that banks count in: they have no minor units, so nobody is paid in them. */
const withoutMinorUnits = ['XDR', 'XSU'];

it('knows every currency that the runtime knows and that has minor units', () => {
  const unknown = Intl.supportedValuesOf('currency').filter((code) => exponentOf(code) === undefined);
  expect(unknown).toEqual(withoutMinorUnits);
});

it.each(['ZZZ', 'XXX', 'XTS', 'XAU', 'eur', ''])('knows no %j', (code) => {
  expect(exponentOf(code)).toBeUndefined();
});
