/* The report of a rehearsal, drawn in the reader's browser from the JSON in the page. Nothing is fetched. */
const reports = JSON.parse(document.getElementById('data').textContent);
const page = document.getElementById('page');
const styles = getComputedStyle(document.documentElement);
const colour = (name) => styles.getPropertyValue(`--${name}`).trim();
const plots = [];
const plotHeight = 220;
const plotWidthMin = 240;

/** An element. Text is text: nothing of a report is ever read as markup. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value) made.setAttribute(key, value);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

const number = (value) => value.toLocaleString('en');
const plural = (many, noun) => `${number(many)} ${noun}${many === 1 ? '' : 's'}`;
const milliseconds = (value) => {
  if (value >= 1_000) return `${+(value / 1_000).toFixed(value < 10_000 ? 2 : 1)} s`;
  return `${+value.toFixed(value < 10 ? 1 : 0)} ms`;
};
const isSound = (report) => report.invariants.every(({ ok }) => ok);
const refusedOf = ({ rejected }) =>
  rejected.soldOut + rejected.insufficient + rejected.duplicate + rejected.buyerLimit;

/** Columns are `[head, cell of a row]`; numbers go to the right, and are red where `isBad` says so. */
function table(columns, rows) {
  const isNumber = columns.map(([, of]) => rows.length > 0 && typeof of(rows[0]).value === 'number');
  const heads = columns.map(([head], at) => element('th', { class: isNumber[at] && 'number' }, head));
  const cellOf = ({ value, text, bad, good }, at) => {
    const classes = [isNumber[at] && 'number', bad && 'bad', good && 'good'].filter(Boolean).join(' ');
    return element('td', { class: classes }, text ?? (typeof value === 'number' ? number(value) : value));
  };
  return element(
    'div',
    { class: 'scroll' },
    element(
      'table',
      {},
      element('thead', {}, element('tr', {}, ...heads)),
      element(
        'tbody',
        {},
        ...rows.map((row) => element('tr', {}, ...columns.map(([, of], at) => cellOf(of(row), at)))),
      ),
    ),
  );
}

function figure(label, value, { note, bad } = {}) {
  return element(
    'div',
    {},
    element('dt', {}, label),
    element('dd', { class: bad && 'bad' }, value),
    note ? element('dd', { class: 'note' }, note) : null,
  );
}

/** A plot with its legend above, which also tells what is under the pointer. */
function plot(title, xs, series, { wide = false, ...look }) {
  const box = element('div');
  const moment = element('b');
  const told = series.map(() => element('b'));
  const legend = series.map(({ label, name }, at) =>
    element('span', {}, element('i', { style: `background:${colour(name)}` }), label, told[at]),
  );
  const tell = ({ cursor, data }) => {
    const { x, y = number } = look;
    const at = cursor.idx ?? null;
    moment.textContent = at === null ? '' : x(data[0][at]);
    told.forEach((place, line) => {
      const value = at === null ? null : data[line + 1][at];
      place.textContent = value === null || value === undefined ? '' : y(value);
    });
  };
  const options = { ...optionsOf(series, look), height: plotHeight };
  options.hooks.setCursor = [tell];
  requestAnimationFrame(() => {
    const data = [xs, ...series.map(({ values }) => values)];
    plots.push([new uPlot({ ...options, width: widthOf(box) }, data, box), box]);
  });
  const caption = element(
    'figcaption',
    {},
    element('span', {}, title, ' ', moment),
    element('span', { class: 'legend' }, ...legend),
  );
  return element('figure', { class: wide && 'wide' }, caption, box);
}

function optionsOf(series, { x, y = number, logarithmic = false, bands = [] }) {
  const axis = (format, more) => ({
    stroke: colour('muted'),
    grid: { show: false },
    ticks: { show: false },
    font: `12px ${getComputedStyle(document.body).fontFamily}`,
    values: (_, values) => values.map((value) => (value === null ? '' : format(value))),
    ...more,
  });
  const filtered = logarithmic ? { filter: decades } : {};
  return {
    padding: [8, 12, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
    hooks: { drawClear: [(made) => shade(made, bands)] },
    scales: {
      x: { time: false, distr: logarithmic ? 3 : 1 },
      y: logarithmic
        ? { distr: 3 }
        : { range: (_, low, high) => [Math.min(0, low), Math.max(1, high * 1.06)] },
    },
    axes: [
      axis(x, { space: 70, ...(logarithmic && { splits: () => [2, 10, 100, 1_000, 10_000] }) }),
      axis(y, { size: 60, space: 36, ...filtered, grid: { stroke: colour('line'), width: 1, ...filtered } }),
    ],
    series: [
      {},
      ...series.map(({ name, fill }) => ({
        stroke: colour(name),
        width: 1.5,
        spanGaps: true,
        points: { show: false },
        ...(fill && { fill: `${colour(name)}1c` }),
      })),
    ],
  };
}

/** On a logarithmic axis a line for each power of ten, and none between. */
function decades(_, splits) {
  return splits.map((value) => (Math.abs(Math.log10(value) % 1) < 1e-9 ? value : null));
}

/** When something was away or slow. */
function shade({ ctx, bbox, valToPos }, bands) {
  ctx.save();
  ctx.fillStyle = colour('wash');
  for (const [from, until] of bands) {
    const left = Math.max(bbox.left, valToPos(from, 'x', true));
    const right = Math.min(bbox.left + bbox.width, valToPos(until, 'x', true));
    ctx.fillRect(left, bbox.top, Math.max(2, right - left), bbox.height);
  }
  ctx.restore();
}

const widthOf = (box) => Math.max(plotWidthMin, box.clientWidth);
addEventListener('resize', () =>
  plots.forEach(([made, box]) => made.setSize({ width: widthOf(box), height: plotHeight })),
);

function plotsOf(report) {
  const { timeline, scenario } = report;
  const seconds = timeline.arrivals.map((_, step) => (step * timeline.stepMs) / 1_000);
  const rate = (values) => values.map((value) => Math.round((value * 1_000) / timeline.stepMs));
  const hours = seconds.length > 0 && seconds.at(-1) > 7_200;
  const x = hours ? (value) => `${+(value / 3_600).toFixed(2)} h` : (value) => `${+value.toFixed(2)} s`;
  const bands = scenario.faults.map(({ atSeconds, seconds: away }) => [atSeconds, atSeconds + away]);
  const over = { x, bands };
  const left = [{ label: 'left', name: 'accepted', values: timeline.unitsLeft, fill: true }];
  const arrivals = [{ label: 'arrivals', name: 'ink', values: rate(timeline.arrivals), fill: true }];
  const answers = [
    { label: 'refused', name: 'refused', values: rate(timeline.refused), fill: true },
    { label: 'accepted', name: 'accepted', values: rate(timeline.accepted), fill: true },
    { label: 'paid', name: 'ink', values: rate(timeline.confirmed) },
    ...(report.rejected.error > 0 ? [{ label: 'errors', name: 'bad', values: rate(timeline.errors) }] : []),
  ];
  const slowest = [{ label: 'p99', name: 'late', values: timeline.p99Ms }];
  return element(
    'div',
    { class: 'plots' },
    plot('Units left, by what the buyers were told', seconds, left, { ...over, wide: true }),
    plot('Arrivals a second', seconds, arrivals, over),
    plot('Answers a second', seconds, answers, over),
    plot('Latency over time', seconds, slowest, { ...over, y: milliseconds }),
    percentilesOf(report),
  );
}

function percentilesOf({ percentiles: { accepted, rejected } }) {
  const shares = [...new Set([...accepted, ...rejected].map(([share]) => share))];
  const points = shares.filter((share) => share >= 50 && share < 100).sort((one, other) => one - other);
  const of = (pairs) =>
    points.map((share) => {
      const found = pairs.find(([at]) => at === share);
      return found ? Math.max(found[1], 0.01) : null;
    });
  return plot(
    'Latency by percentile, from the planned arrival',
    points.map((share) => 1 / (1 - share / 100)),
    [
      { label: 'accepted', name: 'accepted', values: of(accepted) },
      { label: 'refused', name: 'refused', values: of(rejected) },
    ],
    { x: (value) => `${+(100 - 100 / value).toFixed(2)} %`, y: milliseconds, logarithmic: true },
  );
}

function funnelOf({ funnel, rejected }) {
  const stages = [
    ['Requests', funnel.requests],
    ['Accepted', funnel.accepted],
    ['Payment started', funnel.paymentsStarted],
    ['Paid order', funnel.confirmed],
  ];
  const lost = [
    ['sold out', rejected.soldOut],
    ['not enough left', rejected.insufficient],
    ['duplicate click', rejected.duplicate],
    ['buyer limit', rejected.buyerLimit],
    ['error', rejected.error],
    ['abandoned', funnel.abandoned],
    ['payment declined', funnel.declined],
    ['paid too late', funnel.tooLate],
  ].filter(([, count]) => count > 0);
  const whole = Math.max(1, funnel.requests);
  const stage = ([label, count]) => {
    const bar = element('div', { class: 'bar', style: `width:${((100 * count) / whole).toFixed(2)}%` });
    return element(
      'div',
      { class: 'stage' },
      element('span', {}, label),
      bar,
      element('span', {}, number(count)),
    );
  };
  const gone = lost.map(([label, count]) => `${number(count)} ${label}`).join(' · ');
  return [...stages.map(stage), element('p', { class: 'soft' }, gone && `On the way: ${gone}`)];
}

function figuresOf(report) {
  const { latencyMs, throughput, crash, funnel } = report;
  const latency = ({ p50, p99 }) => [milliseconds(p99), { note: `p50 ${milliseconds(p50)}` }];
  const errors = report.rejected.error;
  return element(
    'dl',
    { class: 'figures' },
    figure('Accepted', number(report.accepted), { note: `of ${plural(report.stock, 'unit')}` }),
    figure('Paid', number(report.confirmed), {
      note: funnel.tooLate > 0 && `${number(funnel.tooLate)} too late`,
    }),
    figure('Refused', number(refusedOf(report)), { note: plural(errors, 'error'), bad: errors > 0 }),
    figure('Left over', number(report.undersold), { note: 'though they were wanted' }),
    figure('Accepted, p99', ...latency(latencyMs.accepted)),
    figure('Refused, p99', ...latency(latencyMs.rejected)),
    figure('Requests a second', number(Math.round(throughput.requestsPerSecond))),
    ...(crash
      ? [
          figure('Lost in the crash', number(crash.lost), {
            note: `of ${number(crash.checked)}`,
            bad: crash.lost > 0,
          }),
          figure('Sold again after it', number(crash.oversold), { bad: crash.oversold > 0 }),
        ]
      : []),
  );
}

function verdictOf(report) {
  const broken = report.invariants.filter(({ ok }) => !ok).length;
  const text =
    report.oversold > 0 || broken === 0
      ? `${number(report.oversold)} oversold`
      : `${plural(broken, 'invariant')} broken`;
  return element('p', { class: isSound(report) ? 'verdict' : 'verdict bad' }, text);
}

function reportOf(report) {
  const { scenario, latencyMs, faults } = report;
  const facts = [
    plural(report.buyers, 'buyer'),
    plural(report.stock, 'unit'),
    plural(scenario.skus, 'SKU'),
    plural(scenario.instances, 'instance'),
    `${scenario.time} time`,
    `seed ${report.seed}`,
    ...(report.interrupted ? ['stopped early'] : []),
  ];
  const latencies = Object.entries({ accepted: latencyMs.accepted, refused: latencyMs.rejected });
  const percentile = (name) => [name, ([, of]) => ({ value: of[name], text: milliseconds(of[name]) })];
  return element(
    'section',
    { id: report.strategy },
    element(
      'h1',
      {},
      scenario.name === 'unnamed' ? report.strategy : `${scenario.name} · ${report.strategy}`,
    ),
    element('p', { class: 'soft' }, facts.join(' · ')),
    verdictOf(report),
    scenario.description ? element('p', {}, scenario.description) : null,
    figuresOf(report),
    plotsOf(report),
    element('h2', {}, 'From request to paid order'),
    ...funnelOf(report),
    ...(faults.length > 0
      ? [
          element('h2', {}, 'What was done to it'),
          table(
            [
              ['At', ({ atMs }) => ({ value: milliseconds(atMs) })],
              ['Fault, shaded above', ({ detail }) => ({ value: detail })],
            ],
            faults,
          ),
        ]
      : []),
    element('h2', {}, 'Latency, from the planned arrival'),
    table([['', ([name]) => ({ value: name })], ...['p50', 'p90', 'p99', 'max'].map(percentile)], latencies),
    element('h2', {}, 'Invariants'),
    table(
      [
        ['', ({ id }) => ({ value: id })],
        ['', ({ ok }) => ({ value: ok ? 'holds' : 'broken', bad: !ok, good: ok })],
        ['What was seen', ({ detail }) => ({ value: detail })],
      ],
      report.invariants,
    ),
  );
}

function comparison() {
  const [{ buyers, stock, scenario, seed }] = reports;
  const count = (of) => (report) => ({ value: of(report) });
  const guilty = (of) => (report) => {
    const value = of(report);
    return value === null ? { value: 0, text: '–' } : { value, bad: value > 0 };
  };
  const slowest = ({ latencyMs }) => Math.max(latencyMs.accepted.p99, latencyMs.rejected.p99);
  return element(
    'div',
    { class: 'comparison' },
    element('h1', {}, 'Ways to sell, beside each other'),
    element(
      'p',
      { class: 'soft' },
      `The same plan for each: ${plural(buyers, 'buyer')} for ${plural(stock, 'unit')}, ${plural(scenario.instances, 'instance')}, seed ${seed}. ` +
        'Counted by what the buyers were told. Lost and sold again: after a crash of everything but PostgreSQL.',
    ),
    element('br'),
    table(
      [
        ['Strategy', ({ strategy }) => ({ value: element('a', { href: `#${strategy}` }, strategy) })],
        ['Accepted', count(({ accepted }) => accepted)],
        ['Oversold', guilty(({ oversold }) => oversold)],
        ['Left over', count(({ undersold }) => undersold)],
        ['Lost', guilty(({ crash }) => crash && crash.lost)],
        ['Sold again', guilty(({ crash }) => crash && crash.oversold)],
        ['Requests/s', count(({ throughput }) => Math.round(throughput.requestsPerSecond))],
        ['p99', (report) => ({ value: slowest(report), text: milliseconds(slowest(report)) })],
        ['Errors', guilty(({ rejected }) => rejected.error)],
      ],
      reports,
    ),
  );
}

if (reports.length > 1) page.append(comparison());
page.append(...reports.map(reportOf));
