/** Every schema step, in order. A step that has been released is never edited: the next one mends it. */
import type { Migration } from 'kysely/migration';
import * as ledger from './0001-ledger.js';
import * as payments from './0002-payments.js';
import * as reconciliation from './0003-reconciliation.js';
import * as speed from './0004-speed.js';
import * as repairs from './0005-repairs.js';
import * as simulations from './0007-simulations.js';
import * as reconciliationSpeed from './0008-reconciliation-speed.js';
import * as statementLinks from './0009-statement-links.js';
import * as answers from './0010-answers.js';
import * as payoutRows from './0011-payout-rows.js';
import * as capturedPayments from './0013-captured-payments.js';
import * as lines from './0014-lines.js';
import * as incarnations from './0015-incarnations-breaking.js';
import * as plans from './0016-plans.js';
import * as refusals from './0017-refusals.js';
import * as runFindings from './0018-run-findings.js';
import * as lateMoney from './0019-late-money.js';
import * as payoutListings from './0020-payout-listings.js';
import * as firstAnswers from './0021-first-answers.js';
import * as firstDeadlines from './0022-first-deadlines.js';

export const migrations: Record<string, Migration> = {
  '0001-ledger': ledger,
  '0002-payments': payments,
  '0003-reconciliation': reconciliation,
  '0004-speed': speed,
  '0005-repairs': repairs,
  '0007-simulations': simulations,
  '0008-reconciliation-speed': reconciliationSpeed,
  '0009-statement-links': statementLinks,
  '0010-answers': answers,
  '0011-payout-rows': payoutRows,
  '0013-captured-payments': capturedPayments,
  '0014-lines': lines,
  '0015-incarnations-breaking': incarnations,
  '0016-plans': plans,
  '0017-refusals': refusals,
  '0018-run-findings': runFindings,
  '0019-late-money': lateMoney,
  '0020-payout-listings': payoutListings,
  '0021-first-answers': firstAnswers,
  '0022-first-deadlines': firstDeadlines,
};
