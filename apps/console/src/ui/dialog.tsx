/** The browser's own modal dialog: it keeps the focus, Escape closes it, and the focus goes back where it was. */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Action } from '../api/hooks.js';
import { Problem } from './problem.js';

export function Dialog(props: {
  title: string;
  onClose: () => void;
  class?: string;
  children: ComponentChildren;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const closeOnBackdrop = (event: MouseEvent) => {
    if (event.target === dialog.current) props.onClose();
  };
  return (
    <dialog
      ref={dialog}
      class={props.class ?? ''}
      aria-label={props.title}
      onClose={props.onClose}
      onMouseDown={closeOnBackdrop}
    >
      <div class="dialog-body">
        <h2>{props.title}</h2>
        {props.children}
      </div>
    </dialog>
  );
}

/** A dialog with a form: what it asks, its problem, and two buttons. */
export function FormDialog<Input>(props: {
  title: string;
  submit: string;
  danger?: boolean;
  action: Action<Input>;
  /** The input of the action, read when the form is sent; undefined: not yet complete. */
  input: () => Input | undefined;
  onClose: () => void;
  children: ComponentChildren;
}) {
  const { action } = props;
  const send = (event: Event) => {
    event.preventDefault();
    const input = props.input();
    if (input !== undefined && !action.running) void action.run(input);
  };
  return (
    <Dialog title={props.title} onClose={props.onClose}>
      <form onSubmit={send} noValidate>
        {props.children}
        {action.problem && <Problem problem={action.problem} />}
        <div class="dialog-actions">
          <button type="button" class="button" onClick={props.onClose}>
            Back
          </button>
          <button
            type="submit"
            class={`button ${props.danger ? 'button-danger' : 'button-primary'}`}
            aria-disabled={action.running}
          >
            {action.running ? 'One moment…' : props.submit}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** Asks once more before something that cannot be undone. */
export function Confirm(props: {
  title: string;
  submit: string;
  danger?: boolean;
  action: Action<null>;
  onClose: () => void;
  children: ComponentChildren;
}) {
  return (
    <FormDialog {...props} input={() => null}>
      {props.children}
    </FormDialog>
  );
}
