/** The view that the address names, and the way to another. */
import { parseRoute, type Route } from './address.js';
import { Observable, useObservable } from './observable.js';

const route = new Observable<Route>(parseRoute(location.hash));
window.addEventListener('hashchange', () => route.set(parseRoute(location.hash)));

export function useRoute(): Route {
  return useObservable(route);
}

export function go(address: string): void {
  location.hash = address.replace(/^#/, '');
}
