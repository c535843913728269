/** Minor units as people write amounts: by the decimals of the currency, without going through a fraction. */
import { exponentOf } from '#domain';

/** `-10.58`; a currency that ISO 4217 does not know keeps its minor units. */
export function decimalOf(minor: number, currency: string): string {
  const exponent = exponentOf(currency) ?? 0;
  const digits = String(Math.abs(minor)).padStart(exponent + 1, '0');
  const whole = digits.slice(0, digits.length - exponent);
  const sign = minor < 0 ? '-' : '';
  return exponent === 0 ? `${sign}${whole}` : `${sign}${whole}.${digits.slice(-exponent)}`;
}

/** `−1,058.58 EUR`, for reading. */
export function amountOf(minor: number, currency: string): string {
  const [whole = '', fraction] = decimalOf(Math.abs(minor), currency).split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  return `${minor < 0 ? '−' : ''}${grouped}${fraction === undefined ? '' : `.${fraction}`} ${currency}`;
}
