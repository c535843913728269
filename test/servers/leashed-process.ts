/** Servers that cannot outlive the tests: the same leash as the simulator's. */
export {
  spawnLeashed,
  type LeashedCommand,
  type LeashedProcess,
} from '../../libs/platform/src/embedded/index.js';
