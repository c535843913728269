/** The keys that work on the page behind this dialog. */
import { useObservable } from '../observable.js';
import { shortcuts } from '../shortcuts.js';
import { Dialog } from './dialog.js';

export function HelpDialog({ onClose }: { onClose: () => void }) {
  const all = useObservable(shortcuts);
  const shown = [...new Map(all.toReversed().map((shortcut) => [shortcut.key, shortcut])).values()];
  return (
    <Dialog title="Keyboard shortcuts" onClose={onClose}>
      <dl class="keys">
        {shown.map(({ key, label }) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{label}</dd>
          </div>
        ))}
        <div>
          <dt>
            <kbd>Ctrl</kbd> <kbd>K</kbd>
          </dt>
          <dd>Go to, also while typing</dd>
        </div>
        <div>
          <dt>
            <kbd>Esc</kbd>
          </dt>
          <dd>Close</dd>
        </div>
      </dl>
    </Dialog>
  );
}
