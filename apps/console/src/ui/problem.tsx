/** A problem document as people read it, with what is wrong in which field, and a way on where there is one. */
import type { ProblemError } from '../api/problem.js';

export function Problem({ problem, onRetry }: { problem: ProblemError; onRetry?: (() => void) | undefined }) {
  const { title, detail, errors = [] } = problem.document;
  return (
    <div class="problem" role="alert">
      <p>
        <strong>{title}.</strong> {detail}
      </p>
      {errors.length > 0 && (
        <ul>
          {errors.map(({ path, message }) => (
            <li key={path}>
              <code>{path}</code> {message}
            </li>
          ))}
        </ul>
      )}
      {problem.undecided && <p class="quiet">It is safe to send it again: it is carried out only once.</p>}
      {onRetry && (
        <button type="button" class="button" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}
