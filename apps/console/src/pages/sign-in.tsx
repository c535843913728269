/** The way in: an API key, kept in this tab only. Where the service offers keys that everybody knows, one click. */
import { useState } from 'preact/hooks';
import { identify, readSettings } from '../api/calls.js';
import { useAction, useLoad } from '../api/hooks.js';
import { addKey } from '../api/keyring.js';
import { TextField } from '../ui/parts.js';
import { Problem } from '../ui/problem.js';

export function SignIn() {
  return (
    <main class="sign-in">
      <h1 class="wordmark">Holdfast</h1>
      <KeyForm onDone={() => undefined} submit="Sign in" />
    </main>
  );
}

/** Takes one key, or the development keys. */
export function KeyForm({ submit, onDone }: { submit: string; onDone: () => void }) {
  const [secret, setSecret] = useState('');
  const settings = useLoad('settings', readSettings);
  const signIn = useAction(
    async (secrets: readonly string[]) => Promise.all(secrets.map(identify)),
    (keys) => {
      setSecret('');
      keys.forEach(addKey);
      onDone();
    },
  );
  const offered = settings.value?.developmentKeys ?? [];
  const send = (event: Event) => {
    event.preventDefault();
    void signIn.run([secret.trim()]);
  };
  return (
    <form onSubmit={send} class="key-form">
      <TextField
        label="API key"
        hint="Kept in this tab until it is closed."
        name="key"
        value={secret}
        onInput={setSecret}
        secret
      />
      {signIn.problem && <Problem problem={signIn.problem} />}
      <button class="button button-primary" type="submit" aria-disabled={signIn.running}>
        {submit}
      </button>
      {offered.length > 0 && (
        <p class="offer">
          <button class="button" type="button" onClick={() => void signIn.run(offered)}>
            Use the development keys
          </button>
          <span class="quiet">This service is embedded and accepts them.</span>
        </p>
      )}
    </form>
  );
}
