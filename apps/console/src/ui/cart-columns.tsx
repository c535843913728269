/** The columns that reservations and orders have in common: which one, how it stands, whose it is, and what is in it. */
import type { WireOrder, WireReservation } from '#contracts';
import { lines } from '../format.js';
import { LinkedId, Status } from './parts.js';
import type { Column } from './table.js';

export function cartColumns<Row extends WireOrder | WireReservation>(
  label: string,
  page: 'orders' | 'reservations',
): readonly Column<Row>[] {
  return [
    { label, kind: 'main', plain: true, cell: ({ id }) => <LinkedId page={page} id={id} /> },
    { label: 'Status', kind: 'state', plain: true, cell: ({ status }) => <Status value={status} /> },
    {
      label: 'Buyer',
      kind: 'text',
      plain: true,
      cell: ({ buyerId }) => buyerId,
      whole: ({ buyerId }) => buyerId,
    },
    {
      label: 'Units',
      kind: 'text',
      plain: true,
      cell: (row) => lines(row.lines),
      whole: (row) => lines(row.lines),
    },
  ];
}
