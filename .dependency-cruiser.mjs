// The floors of the house (docs/architecture.md): an import only ever goes down.
const floors = [
  ['concurrent-map', 'domain', 'contracts'],
  ['platform'],
  ['stock', 'ledger', 'payments'],
  ['reservations', 'reconciliation'],
  ['simulation'],
];

const roomsOf = (rooms) => `^libs/(${rooms.join('|')})/`;

const upward = floors.flatMap((rooms, floor) =>
  rooms.map((room) => ({
    name: `${room}-imports-only-downward`,
    comment:
      'An import goes to a lower floor, or, among neighbours, only from stock/ledger/payments to none.',
    severity: 'error',
    from: { path: `^libs/${room}/` },
    to: {
      path: roomsOf(
        floors
          .slice(floor)
          .flat()
          .filter((other) => other !== room),
      ),
    },
  })),
);

export default {
  forbidden: [
    ...upward.filter((rule) => !rule.to.path.includes('()')),
    {
      name: 'nothing-imports-an-app',
      severity: 'error',
      from: { path: '^(libs|migrations)/' },
      to: { path: '^apps/' },
    },
    {
      name: 'apps-do-not-import-apps',
      comment:
        'They meet in one process (up.ts, replay.ts, worker.ts), and enter each other by the index.ts there.',
      severity: 'error',
      from: { path: '^apps/([^/]+)/', pathNot: '^apps/cli/src/(up|replay|worker)\\.ts$' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    {
      name: 'ground-floor-imports-nothing',
      comment: 'domain and concurrent-map are pure: no framework, no I/O, no clock, no randomness.',
      severity: 'error',
      from: { path: '^libs/(domain|concurrent-map)/src/', pathNot: '\\.spec\\.ts$' },
      to: { pathNot: '^libs/(domain|concurrent-map)/src/' },
    },
    {
      name: 'only-through-the-front-door',
      comment: 'A room is entered by its index.ts.',
      severity: 'error',
      from: { path: '^(apps|libs)/([^/]+)/' },
      to: { path: '^(apps|libs)/([^/]+)/src/(?!index\\.ts$)', pathNot: '^$1/$2/' },
    },
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-unresolvable',
      severity: 'error',
      from: { path: '^(apps|libs|migrations|test)/' },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['source', 'import', 'node', 'default'],
    },
  },
};
