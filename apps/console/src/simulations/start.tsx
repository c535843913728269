/** What to rehearse: how many come for how many units, how fast, and by which strategies it is tried. */
import type { ScenarioInput, StrategyName } from '#contracts';
import { useState } from 'preact/hooks';
import { typed } from '../pages/sku-dialogs.js';
import { Dialog } from '../ui/dialog.js';
import { TextField } from '../ui/parts.js';
import { rehearse } from './rehearsals.js';

export const strategies: readonly (readonly [name: StrategyName, what: string])[] = [
  ['holdfast', 'this service'],
  ['load-then-store', 'read, then write: the race itself'],
  ['load-or-store', 'a cache filled once, then counted down'],
  ['local-compare-and-swap', 'exact in a process, not between them'],
  ['redis-check-then-act', 'GET, then DECRBY'],
  ['redis-only', 'atomic in Redis, and nowhere else'],
  ['postgres-row-lock', 'SELECT … FOR UPDATE'],
  ['redlock', 'a lock around read and write'],
];

const fields = [
  ['buyers', 'Buyers', '5000'],
  ['stock', 'Units', '500'],
  ['seconds', 'Arriving within, seconds', '10'],
  ['instances', 'Instances', '2'],
  ['holdTtlSeconds', 'A hold lasts, seconds', '600'],
  ['seed', 'Seed', '1'],
] as const;
type FieldName = (typeof fields)[number][0];
type Texts = Readonly<Record<FieldName, string>>;

const initial = Object.fromEntries(fields.map(([name, , text]) => [name, text])) as Texts;

export function StartDialog({ onClose }: { onClose: () => void }) {
  const [texts, setTexts] = useState(initial);
  const [virtual, setVirtual] = useState(false);
  const [chosen, setChosen] = useState<readonly StrategyName[]>(['holdfast']);
  // Under a virtual clock only this service's own rules are known.
  const offered = virtual ? strategies.slice(0, 1) : strategies;
  const start = (event: Event) => {
    event.preventDefault();
    const inOrder = offered.map(([name]) => name).filter((name) => chosen.includes(name));
    if (inOrder.length === 0) return;
    rehearse(scenarioOf(texts, virtual), inOrder);
    onClose();
  };
  return (
    <Dialog title="Rehearse a sale" onClose={onClose}>
      <form onSubmit={start} noValidate>
        <div class="pairs">
          {fields.map(([name, label]) => (
            <TextField
              key={name}
              label={label}
              name={name}
              value={texts[name]}
              onInput={(text) => setTexts({ ...texts, [name]: text })}
              digits
            />
          ))}
        </div>
        <label class="choice">
          <input
            type="checkbox"
            checked={virtual}
            onChange={(event) => setVirtual(event.currentTarget.checked)}
          />
          <span>In virtual time</span>
          <span class="quiet">a day in seconds, without servers</span>
        </label>
        <Strategies offered={offered} chosen={chosen} onChange={setChosen} />
        <div class="dialog-actions">
          <button type="button" class="button" onClick={onClose}>
            Back
          </button>
          <button type="submit" class="button button-primary" aria-disabled={chosen.length === 0}>
            Start
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Strategies(props: {
  offered: typeof strategies;
  chosen: readonly StrategyName[];
  onChange: (chosen: readonly StrategyName[]) => void;
}) {
  const { offered, chosen, onChange } = props;
  const toggle = (name: StrategyName) =>
    onChange(chosen.includes(name) ? chosen.filter((other) => other !== name) : [...chosen, name]);
  return (
    <fieldset>
      <legend>Strategies, one after the other</legend>
      {offered.map(([name, what]) => (
        <label key={name} class="choice">
          <input type="checkbox" checked={chosen.includes(name)} onChange={() => toggle(name)} />
          <span>{name}</span>
          <span class="quiet">{what}</span>
        </label>
      ))}
    </fieldset>
  );
}

function scenarioOf(texts: Texts, virtual: boolean): ScenarioInput {
  return {
    buyers: typed(texts.buyers),
    stock: typed(texts.stock),
    instances: typed(texts.instances),
    seed: typed(texts.seed),
    holdTtlSeconds: typed(texts.holdTtlSeconds),
    time: virtual ? 'virtual' : 'real',
    arrivals: { curve: 'spike', seconds: typed(texts.seconds) },
  };
}
