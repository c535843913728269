/** The console in a real browser, on a desk and on a phone: what an operator does on the day of a sale. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { simulationReport } from '#contracts';
import { Client } from '../fixtures/client.js';
import { ConsolePage } from '../fixtures/console-page.js';
import { startProcess, type ServiceProcess } from '../fixtures/service-process.js';
import { startService } from '../fixtures/service.js';
import { browserForTests } from '../servers/index.js';

const { describe, start } = await browserForTests();

const statement = path.resolve(
  import.meta.dirname,
  '../fixtures/statements/stripe-payout-reconciliation.csv',
);

const screens = {
  desk: { width: 1_280, height: 860 },
  phone: { width: 390, height: 844 },
};

describe('the console', () => {
  let client: Client;
  let browser: Browser;
  beforeAll(async () => {
    client = new Client(await startService());
    browser = await start();
  }, 90_000);
  afterAll(async () => {
    await browser.close();
    await client.service.stop();
  });

  async function opened(screen: keyof typeof screens): Promise<ConsolePage> {
    return ConsolePage.open(browser, client.service, screens[screen]);
  }

  async function signedIn(screen: keyof typeof screens): Promise<ConsolePage> {
    const console = await opened(screen);
    await console.signIn(client.service.storefrontKey, client.service.adminKey);
    return console;
  }

  it('refuses a key that nobody knows, and offers none where none is offered', async () => {
    const console = await opened('desk');
    await console.field('API key').fill('not-a-key-of-anybody');
    await console.button('Sign in').click();
    await console.untilText('No valid API key');
    expect(await console.button('Use the development keys').count()).toBe(0);
    console.expectQuiet();
    await console.close();
  });

  it.each(Object.keys(screens) as (keyof typeof screens)[])(
    'follows a sale on a %s: a SKU made, sold from, looked up, released',
    async (screen) => {
      const console = await signedIn(screen);
      const sku = `sale-${screen}-${randomUUID().slice(0, 8)}`;

      await console.goTo('Stock');
      await console.button('New SKU').click();
      for (const name of ['', '.', '..']) {
        await console.field('SKU').fill(name);
        await console.button('Create').click();
        await console.dialog().getByText('A SKU needs a name').waitFor();
      }
      await console.field('SKU').fill(sku);
      await console.field('Units on hand').fill('ten');
      await console.button('Create').click();
      await console.dialog().getByText('onHand', { exact: true }).waitFor();
      await console.field('Units on hand').fill('10');
      await console.button('Create').click();

      await console.untilFigure('available', 10);
      await console.expectFits();
      const { id } = await client.hold(sku, 2, { buyerId: `buyer-${screen}` });
      await console.untilFigure('available', 8);
      await console.untilFigure('held', 2);
      const sold = await client.hold(sku, 3);
      await client.post(`/v1/reservations/${sold.id}/confirm`);
      await console.untilFigure('available', 5);
      await console.untilFigure('sold', 3);

      await console.goTo('Reservations');
      await console.field('Id or buyer').fill(`buyer-${screen}`);
      await console.button('Find').click();
      await console.page.getByRole('link', { name: id.slice(0, 8) }).click();
      await console.expectFits();
      await console.button('Release').click();
      await console.dialog().getByRole('button', { name: 'Release' }).click();
      await console.page.locator('.status-released').waitFor();
      expect((await client.level(sku)).available).toBe(7);

      await console.goTo('Orders');
      await console.page.locator('.status-confirmed').first().waitFor();
      await console.expectFits();
      await console.goTo('Invariants');
      await console.untilText('All 11 hold');
      await console.expectFits();
      console.expectQuiet();
      await console.close();
    },
    90_000,
  );

  it.each(Object.keys(screens) as (keyof typeof screens)[])(
    'has room on a %s for names of any length and millions of units',
    async (screen) => {
      const sku = `${screen}-${'W'.repeat(64)}`.slice(0, 64);
      await client.request(`/v1/skus/${sku}`, { method: 'PUT', key: 'admin', body: { onHand: 123_456_789 } });
      await client.hold(sku, 12_345_678, { buyerId: 'W'.repeat(128) });
      const console = await signedIn(screen);
      await console.page.goto(`/console#/sale/${sku}`);
      await console.untilText('123,456,789');
      await console.page.getByRole('link', { name: `All of ${sku}` }).waitFor();
      await console.expectFits();
      for (const page of ['Stock', 'Reservations']) {
        await console.goTo(page);
        await console.page.locator('.list tbody tr').first().waitFor();
        await console.expectFits();
        await console.expectFiguresWhole();
      }
      console.expectQuiet();
      await console.close();
    },
    90_000,
  );

  it('does once what was asked twice because the first answer was lost', async () => {
    const sku = await client.newSku(10);
    const console = await signedIn('desk');
    await console.page.goto(`/console#/sale/${sku}`);
    await console.untilFigure('available', 10);
    await console.page.route(
      `**/v1/skus/${sku}/adjustments`,
      async (route) => {
        await route.fetch(); // The service does it; the browser never hears of it.
        await route.abort('connectionreset');
      },
      { times: 1 },
    );
    await console.button('Adjust').click();
    await console.field('Change').fill('+5');
    await console.field('Reason').fill('found in the cellar');
    await console.dialog().getByRole('button', { name: 'Adjust' }).click();
    await console.untilText('The service cannot be reached');
    await console.dialog().getByRole('button', { name: 'Adjust' }).click();
    await console.dialog().waitFor({ state: 'detached' });
    await console.untilFigure('available', 15);
    expect((await client.level(sku)).onHand).toBe(15);
    console.expectQuiet();
    await console.close();
  }, 90_000);

  it.each(Object.keys(screens) as (keyof typeof screens)[])(
    'reads a statement on a %s, and takes a decision about what does not fit',
    async (screen) => {
      const console = await signedIn(screen);
      await console.goTo('Reconciliation');
      await console.button('Read a file').click();
      await console.page.getByLabel('File', { exact: true }).setInputFiles(statement);
      await console.button('Read it').click();
      await console.page.locator('.head .status-succeeded').waitFor();
      await console.page.getByRole('heading', { name: 'Tie-out' }).waitFor();
      await console.expectFits();
      await console.expectFiguresWhole();
      const found = console.page.getByRole('button', { name: 'Missing internal' }).first();
      if (screen === 'desk') {
        await found.click();
        await console.button('Record it').click();
        await console.dialog().getByText('reason', { exact: true }).waitFor();
        await console.field('Reason').fill('sold in the shop, not here');
        await console.button('Record it').click();
        await console.page.locator('.status-resolved').first().waitFor();
        for (const [name, head] of [
          ['Report', '<!doctype html>'],
          ['CSV', 'kind,'],
        ] as const) {
          const saved = console.page.waitForEvent('download');
          await console.button(name).click();
          const file = await (await saved).path();
          expect((await readFile(file, 'utf8')).toLowerCase()).toContain(head);
        }
      }
      await console.goTo('Reconciliation');
      await console.button('Read a file').click();
      await console.page.getByLabel('File', { exact: true }).setInputFiles(statement);
      await console.page.getByLabel('Dry run').check();
      await console.button('Read it').click();
      await console.page.locator('.head .status-succeeded').waitFor();
      await console.page.getByRole('heading', { name: 'Tie-out' }).waitFor();
      await console.goTo('Reconciliation');
      await console.untilText(`dry run: ${path.basename(statement)}`);
      await console.expectFiguresWhole();
      await console.goTo('Payments');
      await console.untilText('No payment yet');
      console.expectQuiet();
      await console.close();
    },
    90_000,
  );

  it('extends a reservation and confirms it, fulfils one order and cancels another', async () => {
    const sku = await client.newSku(5);
    const [kept, returned] = [await client.hold(sku, 1, { ttlSeconds: 100 }), await client.hold(sku, 2)];
    const console = await signedIn('desk');
    const confirmed = async (id: string) => {
      await console.page.goto(`/console#/reservations/${id}`);
      await console.button('Confirm').click();
      await console.dialog().getByRole('button', { name: 'Confirm' }).click();
      await console.page.locator('.head .status-confirmed').waitFor();
      await console.page.locator('.facts a[href*=orders]').click();
      await console.page.getByRole('heading', { name: 'Order' }).waitFor();
    };
    await console.page.goto(`/console#/reservations/${kept.id}`);
    await console.untilText(/^1 min \d/);
    await console.page.keyboard.press('e');
    await console.field('Seconds from now').fill('7200');
    await console.button('Extend').last().click();
    await console.untilText(/^(2 h|1 h 59 min)$/);

    await confirmed(kept.id);
    await console.button('Fulfil').click();
    await console.dialog().getByRole('button', { name: 'Fulfil' }).click();
    await console.page.locator('.head .status-fulfilled').waitFor();
    expect(await console.button('Cancel').count()).toBe(0);

    await confirmed(returned.id);
    await console.button('Cancel').click();
    await console.dialog().getByRole('button', { name: 'Cancel the order' }).click();
    await console.page.locator('.head .status-cancelled').waitFor();
    await console.page
      .getByRole('link', { name: /Orders$/ })
      .last()
      .click();
    await console.page.getByRole('heading', { name: 'Orders' }).waitFor();
    await console.page.goto(`/console#/sale/${sku}`);
    await console.untilFigure('available', 4);
    await console.untilFigure('sold', 1);
    console.expectQuiet();
    await console.close();
  }, 90_000);

  it('changes the policy of a SKU, and says what is wrong with one', async () => {
    const sku = await client.newSku(5);
    const console = await signedIn('phone');
    await console.page.goto(`/console#/sale/${sku}`);
    await console.untilFigure('available', 5);
    await console.button('Policy').click();
    await console.field('Units per buyer').fill('2');
    await console.field('A hold lasts, in seconds').fill('0');
    await console.button('Save').click();
    await console.dialog().getByText('holdTtlSeconds', { exact: true }).waitFor();
    await console.field('A hold lasts, in seconds').fill('90');
    await console.expectFits();
    await console.button('Save').click();
    await console.dialog().waitFor({ state: 'detached' });
    expect(await client.level(sku)).toMatchObject({ onHand: 5, buyerLimit: 2, holdTtlSeconds: 90 });
    console.expectQuiet();
    await console.close();
  }, 90_000);

  it('has a way on from where nothing is', async () => {
    const console = await signedIn('phone');
    for (const [address, text, way] of [
      ['#/orders/00000000-0000-7000-8000-000000000000', 'No such order', 'Orders'],
      ['#/reservations?buyer=nobody-of-this-name', 'Nothing fits', 'Show all reservations'],
      ['#/orders?status=cancelled', 'None is cancelled now', 'Show those of any status'],
      ['#/sale/never-made', 'No such SKU', 'Show all SKUs'],
      ['#/nowhere', 'There is no such page', 'the sale'],
    ] as const) {
      if (text.startsWith('None')) {
        await console.page.route('**/v1/orders?*', (route) =>
          route.fulfill({ json: { data: [], nextCursor: null } }),
        );
      }
      await console.page.goto(`/console${address}`);
      await console.untilText(text);
      await console.expectFits();
      await console.page.getByRole('main').getByRole('link', { name: way }).click();
      await console.page.getByText(text).waitFor({ state: 'detached' });
    }
    console.expectQuiet();
    await console.close();
  }, 90_000);

  it('is worked by the keyboard alone: keys for pages, a palette for what has a name', async () => {
    const sku = await client.newSku(3);
    const console = await signedIn('desk');
    const { keyboard } = console.page;
    await keyboard.press('2');
    await console.page.getByRole('heading', { name: 'Stock' }).waitFor();
    await keyboard.press('?');
    await console.dialog().getByText('New SKU').waitFor();
    await keyboard.press('Escape');
    await console.dialog().waitFor({ state: 'detached' });
    // The buyer of that name is offered at once, the SKU when the list of them is there: Enter waits for it.
    const entered = Promise.withResolvers<void>();
    await console.page.route('**/v1/skus?limit=1000*', async (route) => {
      await entered.promise;
      await route.continue();
    });
    await keyboard.press('Control+k');
    await keyboard.type(sku);
    await keyboard.press('Enter');
    entered.resolve();
    await console.untilFigure('available', 3);
    const before = await console.page.locator('html').getAttribute('data-theme');
    await keyboard.press('t');
    expect(await console.page.locator('html').getAttribute('data-theme')).not.toBe(before);
    console.expectQuiet();
    await console.close();
  }, 90_000);
});

describe('the console of an embedded service', () => {
  let service: ServiceProcess;
  let browser: Browser;
  let dataDir: string;
  beforeAll(async () => {
    dataDir = await mkdtemp(path.join(tmpdir(), 'holdfast-console-'));
    service = await startProcess({ HOLDFAST_DATA_DIR: dataDir });
    browser = await start();
  }, 120_000);
  afterAll(async () => {
    await browser.close();
    await service.stop();
    await rm(dataDir, { recursive: true });
  });

  it('offers the keys that everybody knows, and rehearses a sale', async () => {
    const console = await ConsolePage.open(browser, service, screens.desk);
    await console.button('Use the development keys').click();
    await console.untilFigure('available', 1);
    await console.goTo('Simulations');
    const rehearse = async (buyers: string) => {
      await console.button('Rehearse a sale').click();
      await console.field('Buyers').fill(buyers);
      await console.field('Units').fill('20');
      await console.page.getByLabel('In virtual time').check();
      await console.button('Start').click();
    };
    await rehearse('none');
    await console.page.getByText('scenario.buyers', { exact: true }).waitFor();
    await rehearse('200');
    await console.untilText('200 buyers for 20 units', 90_000);
    await console.page.getByRole('link', { name: 'holdfast', exact: true }).click();
    await console.untilText('0 oversold');
    const saved = console.page.waitForEvent('download');
    await console.button('Save as JSON').click();
    const file = await (await saved).path();
    expect(simulationReport.parse(JSON.parse(await readFile(file, 'utf8')))).toMatchObject({ buyers: 200 });
    console.expectQuiet();
    await console.close();
  }, 150_000);

  it('is where the root address leads; the queues and the API are shown with nothing from elsewhere', async () => {
    const console = await ConsolePage.open(browser, service, screens.desk);
    await console.page.goto('/');
    await console.button('Use the development keys').waitFor();
    await console.page.setExtraHTTPHeaders({ authorization: 'Bearer hf_dev_admin' });
    for (const [address, text] of [
      ['/queues', 'reconciliation'],
      ['/docs', '/v1/reservations/{id}/confirm'],
    ] as const) {
      const page = await console.page.goto(address);
      expect(page?.headers()).toMatchObject({
        'content-security-policy': expect.stringContaining("frame-ancestors 'none'"),
        'x-content-type-options': 'nosniff',
      });
      await console.untilText(text);
    }
    console.expectQuiet();
    await console.close();
  }, 120_000);

  it('reconciles with a provider that it is told the name of', async () => {
    const console = await ConsolePage.open(browser, service, screens.desk);
    await console.button('Use the development keys').click();
    await console.goTo('Reconciliation');
    await console.button('Start a run').waitFor();
    await console.page.keyboard.press('n');
    await console.field('Provider').fill('nobody');
    await console.button('Start').click();
    await console.dialog().getByText('There is no provider nobody').first().waitFor();
    await console.field('Provider').fill('sandbox');
    await console.button('Start').click();
    await console.page.locator('.head .status-succeeded').waitFor({ timeout: 60_000 });
    console.expectQuiet();
    await console.close();
  }, 120_000);
});
