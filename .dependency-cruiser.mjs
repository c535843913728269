// The layers (docs/architecture.md): imports only point to lower ones.
const layers = [
  ['concurrent-map', 'domain', 'contracts'],
  ['platform'],
  ['stock', 'ledger', 'payments'],
  ['reservations', 'reconciliation'],
  ['simulation'],
];

const pathOf = (libraries) => `^libs/(${libraries.join('|')})/`;

const upward = layers.flatMap((libraries, layer) =>
  libraries.map((library) => ({
    name: `${library}-imports-only-downward`,
    comment: 'An import points to a lower layer, never to the same one.',
    severity: 'error',
    from: { path: `^libs/${library}/` },
    to: {
      path: pathOf(
        layers
          .slice(layer)
          .flat()
          .filter((other) => other !== library),
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
      comment: 'Only up.ts, replay.ts and worker.ts put several apps together in one process.',
      severity: 'error',
      from: { path: '^apps/([^/]+)/', pathNot: '^apps/cli/src/(up|replay/replay|worker)\\.ts$' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    {
      name: 'lowest-layer-imports-nothing',
      comment: 'domain and concurrent-map are pure: no framework, no I/O, no clock, no randomness.',
      severity: 'error',
      from: { path: '^libs/(domain|concurrent-map)/src/', pathNot: '\\.spec\\.ts$' },
      to: { pathNot: '^libs/(domain|concurrent-map)/src/' },
    },
    {
      name: 'only-through-index',
      comment: 'Libraries and apps are imported by their index.ts.',
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
