/** A payout reconciliation of Stripe's, of any size, made while it is read: 360 bytes a row, payouts of 5,000 rows that tie. */

const rowsOfPayout = 5_000;
const rowsAtOnce = 500;

const header =
  'automatic_payout_id,automatic_payout_effective_at_utc,balance_transaction_id,created_utc,available_on_utc,' +
  'reporting_category,currency,gross,fee,net,description,source_id,charge_id,customer_facing_amount,customer_facing_currency';

export const chargeOf = (index: number): string => `ch_${String(index).padStart(9, '0')}`;
/** Minor units: of the charge, and what the provider keeps of each. */
export const grossOf = (index: number): number => 1_000 + (index % 500);
const fee = 30;

const major = (minor: number): string => (minor / 100).toFixed(2);

function row(index: number, payout: string): string {
  const gross = major(grossOf(index));
  const net = major(grossOf(index) - fee);
  const description = `"Order ${index}, a lamp of brass with a shade of linen, ""Aurora"", and its two spare bulbs"`;
  const id = `txn_3QLamp${String(index).padStart(16, '0')}`;
  const at = new Date(1_700_000_000_000 + index * 1_000).toISOString().slice(0, 19).replace('T', ' ');
  const charge = chargeOf(index);
  return `${payout},2026-11-04 00:00:00,${id},${at},2026-11-04 00:00:00,charge,eur,${gross},0.30,${net},${description},${charge},${charge},${gross},eur\n`;
}

/** As many charges, and the row of each payout after them. */
export async function* statementBytes(charges: number): AsyncIterable<Uint8Array> {
  let text = `${header}\n`;
  let sum = 0;
  for (let index = 0; index < charges; index += 1) {
    const payout = `po_${Math.floor(index / rowsOfPayout)}`;
    text += row(index, payout);
    sum += grossOf(index) - fee;
    if ((index + 1) % rowsOfPayout === 0 || index + 1 === charges) {
      const paid = major(-sum);
      text += `${payout},2026-11-04 00:00:00,txn_${payout},2026-11-04 00:00:00,2026-11-04 00:00:00,payout,eur,${paid},0.00,${paid},STRIPE PAYOUT,${payout},,,\n`;
      sum = 0;
    }
    if ((index + 1) % rowsAtOnce === 0) {
      yield Buffer.from(text);
      text = '';
    }
  }
  yield Buffer.from(text);
}

export const payoutsOf = (charges: number): number => Math.ceil(charges / rowsOfPayout);
