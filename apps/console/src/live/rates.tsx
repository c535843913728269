/** How fast: attempts accepted and refused on the whole service, units of this SKU sold, and when they will be gone. */
import { nowMs } from '../adapters/browser.js';
import { about, rate } from '../format.js';
import { useObservable } from '../observable.js';
import { Figure, useNow } from '../ui/parts.js';
import { type Outcomes, summed } from './outcomes.js';
import { type LiveStock, outcomes } from './use-live.js';

const reasons: Readonly<Record<string, string>> = {
  'sold-out': 'sold out',
  'duplicate-reservation': 'duplicate',
  'buyer-limit-exceeded': 'over the limit',
  'insufficient-stock': 'too many units',
  'unknown-sku': 'unknown SKU',
};

export function Rates({ live }: { live: LiveStock }) {
  useNow(); // Rates fall while nothing happens.
  const perSecond = useObservable(outcomes).rates.perSecond();
  const { accepted, refused } = perSecond === null ? { accepted: null, refused: null } : summed(perSecond);
  const sold = live.history.ratePerSecond('committed', nowMs());
  return (
    <dl class="rates">
      <Figure label="Accepted a second" value={rate(accepted)} note="whole service" />
      <Figure
        label="Refused a second"
        tone="refused"
        value={rate(refused)}
        note={perSecond === null ? '' : mainReasons(perSecond)}
      />
      <Figure label="Sold a second" value={rate(sold === null ? null : Math.max(0, sold))} note="this SKU" />
      <SellOut live={live} />
    </dl>
  );
}

function SellOut({ live: { level, history } }: { live: LiveStock }) {
  const seconds = history.secondsToSellOut(nowMs());
  if (level?.available === 0)
    return <Figure label="Sold out" value="now" note="until a hold ends or units are added" />;
  if (seconds === null)
    return <Figure label="Sold out in" value="–" note="available units are not falling" />;
  return <Figure label="Sold out in" value={about(seconds)} note="at the pace of the last 15 s" />;
}

/** The two commonest reasons of the last seconds. */
function mainReasons(perSecond: Outcomes): string {
  const seen = Object.entries(perSecond).filter(([outcome, value]) => outcome in reasons && value > 0);
  if (seen.length === 0) return 'whole service';
  return seen
    .sort(([, left], [, right]) => right - left)
    .slice(0, 2)
    .map(([outcome, value]) => `${rate(value)} ${reasons[outcome]}`)
    .join(' · ');
}
