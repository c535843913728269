/** The frame: the way in, the pages and the way between them, and what every page has (keys, palette, theme). */
import { useEffect, useMemo, useState } from 'preact/hooks';
import { href, type Route } from './address.js';
import { dropKeys, keyring } from './api/keyring.js';
import { useOutcomeReadings } from './live/use-live.js';
import { useObservable } from './observable.js';
import { InvariantsPage } from './pages/invariants.js';
import { OrderPage } from './pages/order.js';
import { OrdersPage } from './pages/orders.js';
import { PaymentPage, PaymentsPage } from './pages/payments.js';
import { ReconciliationPage, RunPage } from './pages/reconciliation.js';
import { ReservationPage } from './pages/reservation.js';
import { ReservationsPage } from './pages/reservations.js';
import { SalePage } from './pages/sale.js';
import { SignIn } from './pages/sign-in.js';
import { SimulationPage, SimulationsPage } from './pages/simulations.js';
import { StockPage } from './pages/stock.js';
import { go, useRoute } from './router.js';
import { handleKey, useShortcut } from './shortcuts.js';
import { theme, toggleTheme } from './theme.js';
import { KeysDialog } from './ui/keys-dialog.js';
import { HelpDialog } from './ui/help-dialog.js';
import { type Command, Palette } from './ui/palette.js';
import { Empty } from './ui/parts.js';

type PageEntry = {
  readonly page: string;
  readonly label: string;
  readonly view: (route: Route) => preact.JSX.Element;
};

const pages: readonly PageEntry[] = [
  { page: 'sale', label: 'Sale', view: ({ subject }) => <SalePage sku={subject} /> },
  { page: 'stock', label: 'Stock', view: () => <StockPage /> },
  {
    page: 'reservations',
    label: 'Reservations',
    view: ({ subject }) => (subject === '' ? <ReservationsPage /> : <ReservationPage id={subject} />),
  },
  {
    page: 'orders',
    label: 'Orders',
    view: ({ subject }) => (subject === '' ? <OrdersPage /> : <OrderPage id={subject} />),
  },
  {
    page: 'payments',
    label: 'Payments',
    view: ({ subject }) => (subject === '' ? <PaymentsPage /> : <PaymentPage id={subject} />),
  },
  {
    page: 'reconciliation',
    label: 'Reconciliation',
    view: ({ subject }) => (subject === '' ? <ReconciliationPage /> : <RunPage id={subject} />),
  },
  {
    page: 'simulations',
    label: 'Simulations',
    view: ({ subject }) => (subject === '' ? <SimulationsPage /> : <SimulationPage id={subject} />),
  },
  { page: 'invariants', label: 'Invariants', view: () => <InvariantsPage /> },
];

const links: readonly (readonly [address: string, label: string])[] = [
  ['/queues', 'Queues'],
  ['/docs', 'API'],
];

type Asked = 'palette' | 'help' | 'keys';

export function App() {
  const keys = useObservable(keyring);
  useEffect(() => {
    document.addEventListener('keydown', handleKey);
    return () => document.removeEventListener('keydown', handleKey);
  }, []);
  return keys.length === 0 ? <SignIn /> : <Console />;
}

function Console() {
  const route = useRoute();
  const [asked, setAsked] = useState<Asked>();
  const close = () => setAsked(undefined);
  const entry = pages.find(({ page }) => page === route.page);
  const commands = useMemo(() => commandsOf(setAsked), []);
  useOutcomeReadings();
  useCtrlK(() => setAsked('palette'));
  useShortcut('?', 'These keys', () => setAsked('help'));
  useShortcut('t', 'Light or dark', toggleTheme);
  useShortcut('k', 'Go to a page, a SKU, a buyer or an id', () => setAsked('palette'));
  useEffect(() => {
    document.title = `${entry?.label ?? 'Nothing here'} · Holdfast`;
    scrollTo(0, 0);
    // On a phone the pages are a strip that may be wider than the screen.
    document.querySelector('nav [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' });
  }, [entry, route.subject]);
  return (
    <div class="frame">
      <a class="skip" href="#main" onClick={skipToMain}>
        To the content
      </a>
      <Rail current={route.page} onAsk={setAsked} />
      <main id="main" tabIndex={-1}>
        {entry ? entry.view(route) : <NoSuchPage />}
      </main>
      {asked === 'palette' && <Palette commands={commands} onClose={close} />}
      {asked === 'help' && <HelpDialog onClose={close} />}
      {asked === 'keys' && <KeysDialog onClose={close} />}
    </div>
  );
}

function NoSuchPage() {
  return (
    <Empty title="There is no such page">
      The menu has all of them; <a href={href('sale')}>the sale</a> is the first.
    </Empty>
  );
}

function Rail({ current, onAsk }: { current: string; onAsk: (asked: Asked) => void }) {
  const look = useObservable(theme);
  return (
    <header class="rail">
      <a class="wordmark" href={href('sale')}>
        Holdfast
      </a>
      <nav aria-label="Pages">
        {pages.map(({ page, label }, at) => (
          <PageLink key={page} page={page} label={label} digit={String(at + 1)} current={page === current} />
        ))}
      </nav>
      <div class="rail-foot">
        <button type="button" onClick={() => onAsk('palette')}>
          Go to <kbd>k</kbd>
        </button>
        <button type="button" onClick={() => onAsk('help')}>
          Shortcuts <kbd>?</kbd>
        </button>
        <button
          type="button"
          onClick={toggleTheme}
          aria-label={`${look === 'dark' ? 'Light' : 'Dark'} colours`}
        >
          {look === 'dark' ? 'Light' : 'Dark'} <kbd>t</kbd>
        </button>
        <button type="button" onClick={() => onAsk('keys')}>
          API keys
        </button>
        {links.map(([address, label]) => (
          <a key={address} href={address} target="_blank" rel="noreferrer">
            {label} ↗
          </a>
        ))}
      </div>
    </header>
  );
}

function PageLink(props: { page: string; label: string; digit: string; current: boolean }) {
  useShortcut(props.digit, props.label, () => go(href(props.page)));
  return (
    <a href={href(props.page)} aria-current={props.current ? 'page' : undefined}>
      {props.label}
      <kbd>{props.digit}</kbd>
    </a>
  );
}

function commandsOf(ask: (asked: Asked) => void): readonly Command[] {
  return [
    ...pages.map(({ page, label }) => ({ label, hint: 'page', run: () => go(href(page)) })),
    { label: 'Light or dark', hint: 'command', run: toggleTheme },
    { label: 'Keyboard shortcuts', hint: 'command', run: () => ask('help') },
    { label: 'API keys', hint: 'command', run: () => ask('keys') },
    { label: 'Sign out', hint: 'command', run: () => dropKeys() },
  ];
}

function useCtrlK(open: () => void): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      if (document.querySelector('dialog[open]') === null) open();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);
}

/** The address after `#` names a view, so the jump is made by hand. */
function skipToMain(event: Event): void {
  event.preventDefault();
  document.getElementById('main')?.focus();
}
