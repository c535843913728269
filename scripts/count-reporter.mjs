// A Jest reporter that leaves the counts of a run where scripts/test.mjs reads them. A file that could not be run at
// all counts as one failure.
import { writeFileSync } from 'node:fs';

export default class CountReporter {
  onRunComplete(_contexts, results) {
    const counts = {
      passed: results.numPassedTests,
      failed: results.numFailedTests + results.numRuntimeErrorTestSuites,
      skipped: results.numPendingTests + results.numTodoTests,
    };
    if (process.env.HOLDFAST_TEST_COUNTS)
      writeFileSync(process.env.HOLDFAST_TEST_COUNTS, JSON.stringify(counts));
  }
}
