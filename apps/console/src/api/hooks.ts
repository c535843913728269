/** Calls as components use them: what was read, what is wrong, and actions that a lost answer does not double. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { everyWhileVisible, newKey } from '../adapters/browser.js';
import { Intention } from './intention.js';
import type { Page } from './calls.js';
import { problemOf, type ProblemError } from './problem.js';

export type Loaded<Value> = {
  /** What was read last; kept while it is read again, and when that fails. */
  readonly value: Value | undefined;
  readonly problem: ProblemError | undefined;
  readonly loading: boolean;
  readonly reload: () => void;
};

/**
 * Reads when the component appears, when `key` changes, and every `pollMs` if given. A reading that was overtaken by a
 * newer one is dropped.
 */
export function useLoad<Value>(
  key: string,
  read: (signal: AbortSignal) => Promise<Value>,
  pollMs?: number,
): Loaded<Value> {
  const [state, setState] = useState<Omit<Loaded<Value>, 'reload'> & { key: string }>({
    key,
    value: undefined,
    problem: undefined,
    loading: true,
  });
  const [round, setRound] = useState(0);
  const readLatest = useRef(read);
  readLatest.current = read;
  useEffect(() => {
    const abort = new AbortController();
    let reading = false;
    const load = async () => {
      if (reading) return;
      reading = true;
      setState((before) => ({
        ...(before.key === key ? before : { value: undefined, problem: undefined }),
        key,
        loading: true,
      }));
      try {
        const value = await readLatest.current(abort.signal);
        if (!abort.signal.aborted) setState({ key, value, problem: undefined, loading: false });
      } catch (error) {
        if (!abort.signal.aborted) {
          setState((before) => ({ ...before, problem: problemOf(error), loading: false }));
        }
      } finally {
        reading = false;
      }
    };
    void load();
    const stop = pollMs === undefined ? undefined : everyWhileVisible(pollMs, () => void load());
    return () => {
      abort.abort();
      stop?.();
    };
  }, [key, round, pollMs]);
  const reload = useCallback(() => setRound((before) => before + 1), []);
  const current = state.key === key ? state : { value: undefined, problem: undefined, loading: true };
  return { value: current.value, problem: current.problem, loading: current.loading, reload };
}

export type Pages<Row> = Loaded<readonly Row[]> & {
  /** Reads the next page; undefined: there is none. */
  readonly more: (() => void) | undefined;
};

/** A list, page after page. The first page is read again every `pollMs` for as long as it is the only one. */
export function usePages<Row>(
  key: string,
  read: (cursor: string | null, signal?: AbortSignal) => Promise<Page<Row>>,
  pollMs?: number,
): Pages<Row> {
  const [later, setLater] = useState<{ key: string; pages: readonly Page<Row>[] }>({ key, pages: [] });
  const [problem, setProblem] = useState<ProblemError>();
  const pages = later.key === key ? later.pages : [];
  const first = useLoad(key, (signal) => read(null, signal), pages.length > 0 ? undefined : pollMs);
  const last = pages.at(-1) ?? first.value;
  const more = async (cursor: string) => {
    try {
      const page = await read(cursor);
      setLater((before) => ({ key, pages: [...(before.key === key ? before.pages : []), page] }));
      setProblem(undefined);
    } catch (error) {
      setProblem(problemOf(error));
    }
  };
  const next = last?.nextCursor ?? null;
  return {
    value: first.value && [first.value, ...pages].flatMap(({ data }) => data),
    problem: problem ?? first.problem,
    loading: first.loading,
    reload: () => {
      setLater({ key, pages: [] });
      setProblem(undefined);
      first.reload();
    },
    more: next === null ? undefined : () => void more(next),
  };
}

export type Action<Input> = {
  readonly run: (input: Input) => Promise<void>;
  readonly running: boolean;
  readonly problem: ProblemError | undefined;
};

/** Something the operator does; a lost answer does not double it (intention.ts). */
export function useAction<Input, Answer>(
  perform: (input: Input, idempotencyKey: string) => Promise<Answer>,
  onDone: (answer: Answer) => void,
): Action<Input> {
  const [running, setRunning] = useState(false);
  const [problem, setProblem] = useState<ProblemError>();
  const intention = useRef<Intention>(undefined);
  intention.current ??= new Intention(newKey);
  const run = async (input: Input): Promise<void> => {
    setRunning(true);
    setProblem(undefined);
    try {
      const answer = await perform(input, intention.current!.keyFor(input));
      intention.current!.settle();
      onDone(answer);
    } catch (error) {
      const problem = problemOf(error);
      intention.current!.settle(problem);
      setProblem(problem);
    } finally {
      setRunning(false);
    }
  };
  return { run, running, problem };
}
