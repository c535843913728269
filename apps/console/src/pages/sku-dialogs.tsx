/** Putting a SKU on the shelf, changing its policy, and adjusting its units. What is wrong, the service says, where it hears it. */
import type { WireStockLevel } from '#contracts';
import { useState } from 'preact/hooks';
import { adjustSku, putSku, readSku } from '../api/calls.js';
import { useAction } from '../api/hooks.js';
import { localProblem, ProblemError } from '../api/problem.js';
import { count } from '../format.js';
import { FormDialog } from '../ui/dialog.js';
import { TextField } from '../ui/parts.js';

type Done = { onDone: (level: WireStockLevel) => void; onClose: () => void };

const skuForm = 'Letters, digits, dots, dashes and underscores; 64 at most.';

/** Digits as a number; anything else as it was typed, for the service to refuse with its reason. */
export function typed(text: string): number {
  return (/^-?\d+$/.test(text.trim()) ? Number(text) : text) as number;
}

export function NewSku({ onDone, onClose }: Done) {
  const [sku, setSku] = useState('');
  const [onHand, setOnHand] = useState('');
  const policy = usePolicy();
  const action = useAction(async (name: string) => {
    refuseUnaddressable(name);
    await refuseKnown(name);
    return putSku(name, { onHand: typed(onHand), ...policy.body() });
  }, onDone);
  return (
    <FormDialog title="New SKU" submit="Create" action={action} input={() => sku.trim()} onClose={onClose}>
      <TextField label="SKU" hint={skuForm} name="sku" value={sku} onInput={setSku} />
      <TextField label="Units on hand" name="onHand" value={onHand} onInput={setOnHand} digits />
      {policy.fields}
    </FormDialog>
  );
}

export function EditPolicy({ level, onDone, onClose }: Done & { level: WireStockLevel }) {
  const policy = usePolicy(level);
  const action = useAction((sku: string) => putSku(sku, { onHand: level.onHand, ...policy.body() }), onDone);
  return (
    <FormDialog
      title={`Policy of ${level.sku}`}
      submit="Save"
      action={action}
      input={() => level.sku}
      onClose={onClose}
    >
      {policy.fields}
    </FormDialog>
  );
}

export function Adjust({ level, onDone, onClose }: Done & { level: WireStockLevel }) {
  const [delta, setDelta] = useState('');
  const [reason, setReason] = useState('');
  const action = useAction(
    (body: { delta: number; reason: string }, key) => adjustSku(level.sku, body, key),
    onDone,
  );
  const change = Number(delta);
  const known = /^[+-]?\d+$/.test(delta.trim()) && change !== 0;
  return (
    <FormDialog
      title={`Adjust ${level.sku}`}
      submit="Adjust"
      action={action}
      input={() => ({ delta: typed(delta.replace(/^\+/, '')), reason })}
      onClose={onClose}
    >
      <TextField
        label="Change"
        hint={
          known
            ? `On hand ${count(level.onHand)} → ${count(level.onHand + change)}`
            : `On hand ${count(level.onHand)}. 50 adds, -50 takes away.`
        }
        name="delta"
        value={delta}
        onInput={setDelta}
      />
      <TextField label="Reason" name="reason" value={reason} onInput={setReason} />
    </FormDialog>
  );
}

function usePolicy(level?: WireStockLevel) {
  const [limit, setLimit] = useState(level?.buyerLimit?.toString() ?? '');
  const [ttl, setTtl] = useState(level?.holdTtlSeconds.toString() ?? '600');
  const fields = (
    <>
      <TextField
        label="Units per buyer"
        hint="Empty: no limit."
        name="buyerLimit"
        value={limit}
        onInput={setLimit}
        digits
      />
      <TextField label="A hold lasts, in seconds" name="holdTtlSeconds" value={ttl} onInput={setTtl} digits />
    </>
  );
  const body = () => ({
    buyerLimit: limit.trim() === '' ? null : typed(limit),
    holdTtlSeconds: typed(ttl),
  });
  return { fields, body };
}

/** Browsers leave these out of an address: the service would be asked for something else. */
function refuseUnaddressable(sku: string): void {
  if (['', '.', '..'].includes(sku)) throw localProblem('invalid-sku', 'A SKU needs a name', skuForm, 422);
}

/** PUT would change the policy of a SKU that exists, which is not what "new" means. */
async function refuseKnown(sku: string): Promise<void> {
  const known = await readSku(sku).catch((error: unknown) => {
    if (error instanceof ProblemError && error.document.status === 404) return undefined;
    throw error;
  });
  if (known === undefined) return;
  const detail = `${sku} has ${count(known.onHand)} units on hand. Its page has Adjust and Policy.`;
  throw localProblem('known-sku', 'This SKU exists', detail);
}
