/** The API keys of this tab: what they may do, another one, and the way out. */
import { dropKeys, keyring } from '../api/keyring.js';
import { useObservable } from '../observable.js';
import { KeyForm } from '../pages/sign-in.js';
import { Dialog } from './dialog.js';

export function KeysDialog({ onClose }: { onClose: () => void }) {
  const keys = useObservable(keyring);
  return (
    <Dialog title="API keys" onClose={onClose}>
      <ul class="keyring">
        {keys.map(({ name, scopes, secret }) => (
          <li key={name}>
            <strong>{name}</strong> <span class="quiet">{scopes.join(' and ')}</span>
            <button type="button" class="button" onClick={() => dropKeys(secret)}>
              Forget
            </button>
          </li>
        ))}
      </ul>
      <KeyForm submit="Add" onDone={onClose} />
      <div class="dialog-actions">
        <button type="button" class="button" onClick={() => dropKeys()}>
          Sign out
        </button>
        <button type="button" class="button" onClick={onClose}>
          Back
        </button>
      </div>
    </Dialog>
  );
}
