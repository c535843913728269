/**
 * Amounts in Stripe's API: integers of a smallest unit that is not everywhere the one of ISO 4217. Stripe has no cents of
 * the ariary, and writes krónur and Ugandan shillings with two decimals that they no longer have.
 */
import { exponentOf, type Money } from '#domain';

const withoutDecimals = new Set('BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF'.split(' '));
const withThreeDecimals = new Set('BHD JOD KWD OMR TND'.split(' '));

/** @returns null: Stripe cannot take this amount, which is finer than what it counts in */
export function toStripe({ value, currency }: Money): { amount: number; currency: string } | null {
  const amount = shift(value, stripeExponent(currency) - (exponentOf(currency) ?? 2));
  return amount === null ? null : { amount, currency: currency.toLowerCase() };
}

/** @returns null: the amount is finer than its currency, which Stripe says it never is */
export function fromStripe(amount: number, code: string): Money | null {
  const currency = code.toUpperCase();
  const value = shift(amount, (exponentOf(currency) ?? 2) - stripeExponent(currency));
  return value === null ? null : { value, currency };
}

function stripeExponent(currency: string): number {
  if (withoutDecimals.has(currency)) return 0;
  return withThreeDecimals.has(currency) ? 3 : 2;
}

function shift(value: number, decimals: number): number | null {
  const shifted = decimals < 0 ? value / 10 ** -decimals : value * 10 ** decimals;
  return Number.isSafeInteger(shifted) ? shifted : null;
}
