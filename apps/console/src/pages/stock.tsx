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
import { type Column, Table } from '../ui/table.js';
import { NewSku } from './sku-dialogs.js';

const columns: readonly Column<WireStockLevel>[] = [
  {
    label: 'SKU',
    kind: 'main',
    plain: true,
    cell: ({ sku }) => <a href={href('sale', sku)}>{sku}</a>,
    whole: ({ sku }) => sku,
  },
  { label: 'Share', kind: 'wide', plain: true, cell: (level) => <StockBar level={level} /> },
  {
    label: 'Available',
    kind: 'number',
    cell: ({ available }) => (available === 0 ? <span class="none-left">0</span> : count(available)),
  },
  { label: 'Held', kind: 'number', cell: ({ held }) => count(held) },
  { label: 'Sold', kind: 'number', cell: ({ committed }) => count(committed) },
  { label: 'On hand', kind: 'number', cell: ({ onHand }) => count(onHand) },
];

export function StockPage() {
  const [wanted, setWanted] = useState('');
  const [creating, setCreating] = useState(false);
  const skus = usePages(
    'skus',
    (cursor, signal) => listSkus({ limit: 500, cursor, ...(signal && { signal }) }),
    2_000,
  );
  useShortcut('n', 'New SKU', () => setCreating(true));
  useShortcut('r', 'Reload', skus.reload);
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
          if (shown.length === 0)
            return (
              <Empty title={`No SKU with “${wanted}” in its name`}>
                <button type="button" class="link" onClick={() => setWanted('')}>
                  Show all of them
                </button>
              </Empty>
            );
          return (
            <Table
              columns={columns}
              rows={shown}
              keyOf={({ sku }) => sku}
              open={({ sku }) => href('sale', sku)}
            />
          );
        }}
      </Content>
      <More pages={skus} />
      {creating && <NewSku onClose={() => setCreating(false)} onDone={({ sku }) => go(href('sale', sku))} />}
    </>
  );
}
