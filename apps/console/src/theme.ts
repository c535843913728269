/** Light or dark: the system's choice until the operator makes one of their own. */
import { recall, remember } from './adapters/browser.js';
import { Observable } from './observable.js';

export type Theme = 'light' | 'dark';

const prefersDark = matchMedia('(prefers-color-scheme: dark)');

export const theme = new Observable<Theme>(current());
document.documentElement.dataset['theme'] = theme.value;
prefersDark.addEventListener('change', () => apply(current()));

/** The other one; back at the system's own choice nothing is remembered. */
export function toggleTheme(): void {
  const next = theme.value === 'dark' ? 'light' : 'dark';
  remember('local', 'theme', next === systems() ? null : next);
  apply(next);
}

function apply(next: Theme): void {
  document.documentElement.dataset['theme'] = next;
  theme.set(next);
}

function current(): Theme {
  const chosen = recall('local', 'theme');
  return chosen === 'light' || chosen === 'dark' ? chosen : systems();
}

function systems(): Theme {
  return prefersDark.matches ? 'dark' : 'light';
}
