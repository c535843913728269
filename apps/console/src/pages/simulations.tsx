/** Rehearsals: what runs, what waits, and what came out, strategy beside strategy. */
import type { SimulationReport, WireSimulation } from '#contracts';
import { useEffect, useState } from 'preact/hooks';
import { saveFile } from '../adapters/browser.js';
import { listSimulations, readSimulation } from '../api/calls.js';
import { useLoad } from '../api/hooks.js';
import { count } from '../format.js';
import { useObservable } from '../observable.js';
import { useShortcut } from '../shortcuts.js';
import { Comparison } from '../simulations/comparison.js';
import { followRunning, rehearsals, type Running, stopWaiting } from '../simulations/rehearsals.js';
import { Report } from '../simulations/report.js';
import { arrivalsOf } from '../simulations/scenario-text.js';
import { StartDialog } from '../simulations/start.js';
import { Content, Empty, Head, Id } from '../ui/parts.js';
import { Problem } from '../ui/problem.js';

/** Reports are large: so many of the latest are read. */
const reportsMax = 24;
/** What has finished does not change any more. */
const finished = new Map<string, WireSimulation>();

export function SimulationsPage() {
  const { running, waiting, problem, ended } = useObservable(rehearsals);
  const [starting, setStarting] = useState(false);
  const loaded = useLoad(`simulations ${ended}`, readAll);
  const begun = loaded.value?.find(({ status }) => status === 'running');
  useEffect(() => {
    if (begun) followRunning(begun.id, begun.scenario);
  }, [begun?.id]);
  useShortcut('n', 'Rehearse a sale', () => setStarting(true));
  useShortcut('r', 'Reload', loaded.reload);
  return (
    <>
      <Head
        title="Simulations"
        note="A sale rehearsed on servers of its own, by this service and by the ways that fail."
      >
        <button type="button" class="button button-primary" onClick={() => setStarting(true)}>
          Rehearse a sale
        </button>
      </Head>
      {problem && <Problem problem={problem} />}
      {running && <Progress running={running} />}
      {waiting.length > 0 && (
        <p class="quiet">
          Waiting: {waiting.map(({ strategy }) => strategy).join(', ')}{' '}
          <button type="button" class="link" onClick={stopWaiting}>
            Do not start them
          </button>
        </p>
      )}
      <Content loaded={loaded}>
        {(simulations) =>
          simulations.length === 0 && !running ? (
            <Empty title="Nothing has been rehearsed yet">The last twenty reports are kept.</Empty>
          ) : (
            <Comparison simulations={simulations} />
          )
        }
      </Content>
      {starting && <StartDialog onClose={() => setStarting(false)} />}
    </>
  );
}

function Progress({ running: { scenario, progress } }: { running: Running }) {
  const done = progress === null || progress.planned === 0 ? 0 : progress.requests / progress.planned;
  const { rejected } = progress ?? {
    rejected: { soldOut: 0, insufficient: 0, duplicate: 0, buyerLimit: 0, error: 0 },
  };
  const refused = rejected.soldOut + rejected.insufficient + rejected.duplicate + rejected.buyerLimit;
  return (
    <section class="running" aria-label="Running">
      <p role="status">
        <strong>{scenario.strategy ?? 'holdfast'}</strong>{' '}
        <span class="quiet">{progress?.phase ?? 'starting'}</span>
      </p>
      <progress max={1} value={done} aria-label="Requests sent" />
      <p class="quiet">
        {count(progress?.requests ?? 0)} of {count(progress?.planned ?? 0)} requests ·{' '}
        {count(progress?.accepted ?? 0)} accepted · {count(refused)} refused ·{' '}
        {count(progress?.oversold ?? 0)} oversold
      </p>
    </section>
  );
}

export function SimulationPage({ id }: { id: string }) {
  const { ended } = useObservable(rehearsals);
  const loaded = useLoad(`simulation ${id} ${ended}`, (signal) => readSimulation(id, signal));
  const { scenario } = loaded.value ?? {};
  useShortcut('r', 'Reload', loaded.reload);
  return (
    <>
      <Head
        title={
          scenario === undefined ? 'Simulation' : `${scenario.strategy}: ${count(scenario.buyers)} buyers`
        }
        note={scenario === undefined ? <Id id={id} full /> : arrivalsOf(scenario)}
        back={['simulations', 'Simulations']}
        status={loaded.value?.status}
      >
        {loaded.value?.report && <SaveReport id={id} report={loaded.value.report} />}
      </Head>
      <Content loaded={loaded}>
        {({ report, status, problem }) =>
          report === null ? <Empty title={`It is ${status}`}>{problem}</Empty> : <Report report={report} />
        }
      </Content>
    </>
  );
}

function SaveReport({ id, report }: { id: string; report: SimulationReport }) {
  const save = () =>
    saveFile(
      `simulation-${id}.json`,
      new Blob([JSON.stringify(report, null, 2)], { type: 'application/json' }),
    );
  return (
    <button type="button" class="button" onClick={save}>
      Save as JSON
    </button>
  );
}

async function readAll(signal: AbortSignal): Promise<readonly WireSimulation[]> {
  const { data } = await listSimulations(signal);
  const latest = data
    .toSorted((left, right) => right.createdAt.localeCompare(left.createdAt))
    .slice(0, reportsMax);
  const read = async (id: string) => {
    const simulation = finished.get(id) ?? (await readSimulation(id, signal));
    if (simulation.status !== 'running') finished.set(id, simulation);
    return simulation;
  };
  return Promise.all(latest.map(({ id }) => read(id)));
}
