/**
 * `select … for update`, compare, update, insert, commit: nothing is sold twice and nothing forgotten. What is wrong: the
 * crowd stands in line for one row, those who get nothing as long as those who do.
 */
import type { Pool } from 'pg';
import type { Connections, Purchase, Strategy } from './strategy.js';

const schema = `
create table if not exists stock (sku text primary key, units integer not null);
create table if not exists orders (id text primary key, buyer_id text not null, sku text not null, quantity integer not null);`;

export class PostgresRowLock implements Strategy {
  private readonly postgres: Pool;

  constructor({ postgres }: Connections) {
    this.postgres = postgres;
  }

  async stock(sku: string, units: number): Promise<void> {
    await this.postgres.query(schema);
    await this.postgres.query('insert into stock values ($1, $2) on conflict do nothing', [sku, units]);
  }

  async buy({ id, buyerId, sku, quantity }: Purchase): Promise<'sold' | 'sold-out'> {
    const client = await this.postgres.connect();
    try {
      await client.query('begin');
      const { rows } = await client.query<{ units: number }>(
        'select units from stock where sku = $1 for update',
        [sku],
      );
      if ((rows[0]?.units ?? 0) < quantity) {
        await client.query('rollback');
        return 'sold-out';
      }
      await client.query('update stock set units = units - $2 where sku = $1', [sku, quantity]);
      await client.query('insert into orders values ($1, $2, $3, $4)', [id, buyerId, sku, quantity]);
      await client.query('commit');
      return 'sold';
    } catch (error) {
      await client.query('rollback').catch(() => undefined);
      throw error;
    } finally {
      client.release();
    }
  }

  async isOnRecord(id: string): Promise<boolean> {
    const { rowCount } = await this.postgres.query('select 1 from orders where id = $1', [id]);
    return rowCount === 1;
  }
}
