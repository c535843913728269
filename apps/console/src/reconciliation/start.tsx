/** Asking for a run: over a provider's transactions, or over a file that it has sent. */
import { useState } from 'preact/hooks';
import { readStatementFile, requestRun } from '../api/reconciliation-calls.js';
import { useAction } from '../api/hooks.js';
import { FormDialog } from '../ui/dialog.js';
import { TextField } from '../ui/parts.js';

type Asked = { onDone: (run: { id: string }) => void; onClose: () => void };

const formats = ['stripe-payout-csv', 'adyen-settlement-csv', 'paypal-activity-csv', 'camt053', 'mt940'];

export function RequestRun({ onDone, onClose }: Asked) {
  const [provider, setProvider] = useState('sandbox');
  const [dry, setDry] = useState(false);
  const action = useAction(
    (body: { provider: string; mode: 'commit' | 'dry-run' }, key) => requestRun(body, key),
    onDone,
  );
  return (
    <FormDialog
      title="Start a run"
      submit="Start"
      action={action}
      input={() => ({ provider: provider.trim(), mode: dry ? ('dry-run' as const) : ('commit' as const) })}
      onClose={onClose}
    >
      <TextField
        label="Provider"
        name="provider"
        value={provider}
        onInput={setProvider}
        hint="It goes on from where the last run ended."
      />
      <DryRun checked={dry} onChange={setDry} />
    </FormDialog>
  );
}

export function ReadFile({ onDone, onClose }: Asked) {
  const [file, setFile] = useState<File>();
  const [format, setFormat] = useState(formats[0]!);
  const [dry, setDry] = useState(false);
  const action = useAction(
    (input: { name: string; bytes: number; format: string; mode: string }, key) =>
      readStatementFile(file!, input.format, input.mode, key),
    onDone,
  );
  const input = () => file && { name: file.name, bytes: file.size, format, mode: dry ? 'dry-run' : 'commit' };
  return (
    <FormDialog title="Read a file" submit="Read it" action={action} input={input} onClose={onClose}>
      <label class="field">
        <span class="field-name">File</span>
        <input type="file" name="file" onChange={(event) => setFile(event.currentTarget.files?.[0])} />
      </label>
      <label class="field">
        <span class="field-name">Format</span>
        <select value={format} onChange={(event) => setFormat(event.currentTarget.value)}>
          {formats.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <DryRun checked={dry} onChange={setDry} />
    </FormDialog>
  );
}

function DryRun({ checked, onChange }: { checked: boolean; onChange: (dry: boolean) => void }) {
  return (
    <label class="choice">
      <input type="checkbox" checked={checked} onChange={(event) => onChange(event.currentTarget.checked)} />
      <span>Dry run</span>
      <span class="quiet">says what it would come to, keeps nothing</span>
    </label>
  );
}
