/** The promises, checked on what is really there: whether all of them hold, and what is wrong where one does not. */
import { readInvariants } from '../api/calls.js';
import { useLoad } from '../api/hooks.js';
import { useShortcut } from '../shortcuts.js';
import { Content, Head } from '../ui/parts.js';

export function InvariantsPage() {
  const report = useLoad('invariants', readInvariants);
  useShortcut('r', 'Check again', report.reload);
  return (
    <>
      <Head
        title="Invariants"
        note="What must hold always, checked in the ledger, and between Redis and the ledger."
      >
        <button type="button" class="button" aria-disabled={report.loading} onClick={report.reload}>
          {report.loading ? 'Checking…' : 'Check again'}
        </button>
      </Head>
      <Content loaded={report}>
        {({ ok, invariants }) => {
          const broken = invariants.filter((invariant) => !invariant.ok).length;
          return (
            <>
              <p class={`verdict ${ok ? 'verdict-good' : 'verdict-bad'}`} role="status">
                {ok ? `All ${invariants.length} hold` : `${broken} of ${invariants.length} broken`}
              </p>
              <ul class="invariants">
                {invariants.map(({ id, ok, detail }) => (
                  <li key={id} class={ok ? 'good' : 'bad'}>
                    <span class="invariant-id">{id}</span>
                    <span class="invariant-state">{ok ? 'holds' : 'broken'}</span>
                    <span class="invariant-detail">{detail}</span>
                  </li>
                ))}
              </ul>
            </>
          );
        }}
      </Content>
    </>
  );
}
