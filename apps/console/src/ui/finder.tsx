/** A page of things that have an id and a status: found by the one, narrowed by the other, newest first. */
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { href } from '../address.js';
import type { Page, PageQuery } from '../api/calls.js';
import { usePages } from '../api/hooks.js';
import { go, useRoute } from '../router.js';
import { useShortcut } from '../shortcuts.js';
import { More, SearchBox, StatusFilter } from './lists.js';
import { Content, Empty, Head } from './parts.js';
import { type Column, Table } from './table.js';

export function Finder<Row extends { readonly id: string }>(props: {
  page: string;
  title: string;
  /** In the singular, with its article: `an order`. */
  noun: string;
  statuses: readonly string[];
  list: (filter: { readonly status: string }, page: PageQuery) => Promise<Page<Row>>;
  columns: readonly Column<Row>[];
  /** How the first one comes about. */
  children: ComponentChildren;
}) {
  const { page, title, noun, statuses, columns } = props;
  const status = useRoute().query['status'] ?? '';
  const [id, setId] = useState('');
  const found = usePages(
    `${page} ${status}`,
    (cursor, signal) => props.list({ status }, { cursor, ...(signal && { signal }) }),
    3_000,
  );
  useShortcut('r', 'Reload', found.reload);
  const find = (event: Event) => {
    event.preventDefault();
    if (id.trim() !== '') go(href(page, id.trim()));
  };
  return (
    <>
      <Head title={title} />
      <form class="filter" role="search" onSubmit={find}>
        <SearchBox label={`Id of ${noun}`} value={id} onInput={setId} />
        <StatusFilter
          value={status}
          statuses={statuses}
          onChange={(next) => go(href(page, '', { status: next }))}
        />
        <button type="submit" class="button">
          Find
        </button>
      </form>
      <Content loaded={found}>
        {(rows) => {
          if (rows.length > 0)
            return (
              <Table
                columns={columns}
                rows={rows}
                keyOf={(row) => row.id}
                open={(row) => href(page, row.id)}
              />
            );
          if (status === '')
            return <Empty title={`No ${noun.replace(/^an? /, '')} yet`}>{props.children}</Empty>;
          return (
            <Empty title={`None is ${status} now`}>
              <a href={href(page)}>Show those of any status</a>
            </Empty>
          );
        }}
      </Content>
      <More pages={found} />
    </>
  );
}
