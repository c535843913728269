import type { StatementFormat, StatementReader } from '../statement.js';
import { adyenSettlementCsv } from './csv/adyen-settlement-csv.js';
import { camt053 } from './bank/camt053.js';
import { mt940 } from './bank/mt940.js';
import { paypalActivityCsv } from './csv/paypal-activity-csv.js';
import { stripePayoutCsv } from './csv/stripe-payout-csv.js';

export { plainName } from './csv/csv-table.js';

/** The reader of each format. */
export const statementReaders: Readonly<Record<StatementFormat, StatementReader>> = {
  'stripe-payout-csv': stripePayoutCsv,
  'adyen-settlement-csv': adyenSettlementCsv,
  'paypal-activity-csv': paypalActivityCsv,
  camt053,
  mt940,
};
