/** Every SKU with its level: where units are, at a glance, renewed every two seconds. */
import type { WireStockLevel } from '#contracts';
import { useState } from 'preact/hooks';
import { href } from '../address.js';
import { listSkus } from '../api/calls.js';
import { usePages } from '../api/hooks.js';
import { count } from '../format.js';
import { go } from '../router.js';
import { useShortcut } from '../shortcuts.js';
import { Content, Empty, Head, StockBar } from '../ui/parts.js';
import { More, SearchBox } from '../ui/lists.js';
import { NewSku } from './sku-dialogs.js';

export function StockPage() {
  const [wanted, setWanted] = useState('');
  const [creating, setCreating] = useState(false);
  const skus = usePages(
    'skus',
    (cursor, signal) => listSkus({ limit: 500, cursor, ...(signal && { signal }) }),
    2_000,
  );
  useShortcut('n', 'New SKU', () => setCreating(true));
  useShortcut('r', 'Read again', skus.reload);
  return (
    <>
      <Head title="Stock">
        <SearchBox label="Filter SKUs" value={wanted} onInput={setWanted} />
        <button type="button" class="button button-primary" onClick={() => setCreating(true)}>
          New SKU
        </button>
      </Head>
      <Content loaded={skus}>
        {(levels) => {
          const shown = levels.filter(({ sku }) => sku.toLowerCase().includes(wanted.toLowerCase()));
          if (levels.length === 0)
            return <Empty title="No SKU yet">Create the first one with New SKU.</Empty>;
          if (shown.length === 0) return <Empty title={`No SKU with “${wanted}” in its name`} />;
          return <LevelList levels={shown} />;
        }}
      </Content>
      <More pages={skus} />
      {creating && <NewSku onClose={() => setCreating(false)} onDone={({ sku }) => go(href('sale', sku))} />}
    </>
  );
}

function LevelList({ levels }: { levels: readonly WireStockLevel[] }) {
  return (
    <table class="list levels">
      <thead>
        <tr>
          <th>SKU</th>
          <th class="wide">
            <span class="hidden">Share</span>
          </th>
          <th class="number">Available</th>
          <th class="number">Held</th>
          <th class="number">Sold</th>
          <th class="number">On hand</th>
        </tr>
      </thead>
      <tbody>
        {levels.map((level) => (
          <tr key={level.sku} onClick={() => go(href('sale', level.sku))}>
            <td class="main">
              <a href={href('sale', level.sku)}>{level.sku}</a>
            </td>
            <td class="wide">
              <StockBar level={level} />
            </td>
            <td class="number" data-label="Available">
              {level.available === 0 ? <span class="none-left">0</span> : count(level.available)}
            </td>
            <td class="number" data-label="Held">
              {count(level.held)}
            </td>
            <td class="number" data-label="Sold">
              {count(level.committed)}
            </td>
            <td class="number" data-label="On hand">
              {count(level.onHand)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
