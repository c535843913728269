// Three levels in one run: pure specs beside the code, tests on real servers, and tests of the whole service over HTTP.
const shared = {
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2024',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
        },
        module: { type: 'es6' },
      },
    ],
  },
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['source', 'node', 'node-addons'] },
  // `./x.js` in an import is `./x.ts` on disk: TypeScript's own rule for Node's modules.
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    // It has a condition `source` of its own, whose files nobody has compiled.
    '^eventsource-parser$': '<rootDir>/node_modules/eventsource-parser/dist/index.js',
  },
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.holdfast/'],
  setupFiles: ['reflect-metadata'],
};

const withServers = {
  globalSetup: '<rootDir>/test/servers/global-setup.mjs',
  globalTeardown: '<rootDir>/test/servers/global-teardown.mjs',
};

export default {
  testTimeout: 30_000,
  // The tests wait for servers more than they compute: two at a time, also on two cores.
  maxWorkers: 2,
  reporters: ['default', '<rootDir>/scripts/count-reporter.mjs'],
  projects: [
    {
      ...shared,
      displayName: 'spec',
      testMatch: ['<rootDir>/{libs,apps}/*/src/**/*.spec.ts', '<rootDir>/test/faults/*.spec.ts'],
    },
    { ...shared, ...withServers, displayName: 'medium', testMatch: ['<rootDir>/test/medium/**/*.test.ts'] },
    { ...shared, ...withServers, displayName: 'e2e', testMatch: ['<rootDir>/test/e2e/**/*.test.ts'] },
    { ...shared, displayName: 'map', testMatch: ['<rootDir>/libs/concurrent-map/test/*.spec.ts'] },
  ],
};
