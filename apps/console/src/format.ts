/** Figures and times as people read them. */

const whole = new Intl.NumberFormat('en');
const atMostOneDigit = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const oneDigit = new Intl.NumberFormat('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 2 });

export function count(value: number): string {
  return whole.format(value);
}

/** For where there is little room: millions and more by their first digits. */
export function short(value: number, format: (value: number) => string = count): string {
  return Math.abs(value) < 1_000_000 ? format(value) : compact.format(value);
}

/** A rate: one digit after the point while it is small; nothing known is a dash. */
export function rate(value: number | null): string {
  if (value === null) return '–';
  if (Math.abs(value) < 0.05) return '0';
  return Math.abs(value) < 10 ? oneDigit.format(value) : whole.format(Math.round(value));
}

/** A figure at an axis. */
export function tick(value: number): string {
  return atMostOneDigit.format(value);
}

/** `45 s`, `3 min 20 s`, `2 h 5 min`, `3 d`. */
export function duration(seconds: number): string {
  const total = Math.max(0, Math.round(seconds));
  if (total < 60) return `${total} s`;
  if (total < 3_600) return join(Math.floor(total / 60), 'min', total % 60, 's');
  if (total < 86_400) return join(Math.floor(total / 3_600), 'h', Math.floor((total % 3_600) / 60), 'min');
  return `${Math.floor(total / 86_400)} d`;
}

/** Integer minor units with the currency's own number of digits. */
export function money(value: number, currency: string): string {
  const { maximumFractionDigits: digits = 2 } = new Intl.NumberFormat('en', {
    style: 'currency',
    currency,
  }).resolvedOptions();
  const amount = (value / 10 ** digits).toFixed(digits);
  return `${amount.replace(/\B(?=(\d{3})+(?!\d))/g, ',')} ${currency}`;
}

/** A time that is only estimated, no finer than it can be known. */
export function about(seconds: number): string {
  if (seconds < 120) return `≈ ${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 7_200) return `≈ ${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `≈ ${Math.round(seconds / 3_600)} h` : `≈ ${Math.round(seconds / 86_400)} d`;
}

function join(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

/** The whole of an instant, where the reader is: `27 Nov 2026, 17:25:54`. */
export function instant(iso: string): string {
  const at = new Date(iso);
  const date = at.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });
  return `${date}, ${at.toLocaleTimeString('en-GB')}`;
}

/** How long ago an instant was, in one unit: `12 s ago`, `3 min ago`, `2 h ago`, `4 d ago`; or how far ahead: `in 5 min`. */
export function ago(iso: string, nowMs: number): string {
  const seconds = Math.round((nowMs - Date.parse(iso)) / 1_000);
  const distance = Math.abs(seconds);
  if (distance < 5) return 'now';
  const [size, unit] = units.find(([size]) => distance >= size)!;
  const amount = `${Math.floor(distance / size)} ${unit}`;
  return seconds > 0 ? `${amount} ago` : `in ${amount}`;
}

const units = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
  [1, 's'],
] as const;

/** A latency: no finer than it matters. */
export function milliseconds(ms: number): string {
  return ms >= 10_000 ? `${oneDigit.format(ms / 1_000)} s` : `${rate(ms)} ms`;
}

export function shortId(id: string): string {
  return id.slice(0, 8);
}

export function lines(cart: readonly { readonly sku: string; readonly quantity: number }[]): string {
  return cart.map(({ sku, quantity }) => `${count(quantity)} × ${sku}`).join(', ');
}
