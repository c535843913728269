import type { StatementFormat, StatementReader } from '../statement.js';
import { adyenSettlementCsv } from './adyen-settlement-csv.js';
import { camt053 } from './camt053.js';
import { mt940 } from './mt940.js';
import { paypalActivityCsv } from './paypal-activity-csv.js';
import { stripePayoutCsv } from './stripe-payout-csv.js';

export { plainName } from './csv-table.js';

/** The reader of each format. */
export const statementReaders: Readonly<Record<StatementFormat, StatementReader>> = {
  'stripe-payout-csv': stripePayoutCsv,
  'adyen-settlement-csv': adyenSettlementCsv,
  'paypal-activity-csv': paypalActivityCsv,
  camt053,
  mt940,
};
