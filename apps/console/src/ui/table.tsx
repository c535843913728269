/** A list of rows, column by column. On a phone each row becomes a block, and its columns name themselves. */
import type { ComponentChildren } from 'preact';
import { go } from '../router.js';

export type Column<Row> = {
  readonly label: string;
  /** `main`: what the row is, and the way to it. `text`: cut off when it is too long. Numbers and money to the right. */
  readonly kind?: 'main' | 'text' | 'number' | 'money' | 'wide' | 'state';
  readonly cell: (row: Row) => ComponentChildren;
  /** In a block it says itself what it is. */
  readonly plain?: boolean;
  /** All of a text that may be cut off. */
  readonly whole?: (row: Row) => string;
};

export function Table<Row>(props: {
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string;
  /** Where a row leads, or what it does. */
  open?: (row: Row) => string | (() => void);
}) {
  const { columns, rows, keyOf, open } = props;
  const follow = (row: Row) => {
    const target = open?.(row);
    if (typeof target === 'string') go(target);
    else target?.();
  };
  return (
    <table class={open ? 'list' : 'list still'}>
      <thead>
        <tr>
          {columns.map(({ label, kind }) => (
            <th key={label} scope="col" class={kind}>
              {label}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={keyOf(row)} onClick={() => follow(row)}>
            {columns.map(({ label, kind, cell, plain, whole }) => (
              <td key={label} class={kind} data-label={plain ? undefined : label} title={whole?.(row)}>
                {cell(row)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
