/** Makes the pictures of the documents from the service itself: a small sale, seen in the console, light and dark. */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { startProgram } from '../bench/program.js';
import { findChromium, startChromium } from '../servers/chromium.js';
import { testDataFolder } from '../servers/server.js';
import { sell } from './sale.js';

const images = path.resolve('docs/images');
const pictureBytesMax = 200_000;
const screen = { width: 1_240, height: 860 };
const strategies = ['load-then-store', 'local-compare-and-swap', 'redis-check-then-act', 'postgres-row-lock'];
const rehearsalsMs = 600_000;

const say = (message: string): void => void process.stderr.write(`pictures: ${message}\n`);

/** From the packages where there are some: with their fonts the pictures are the same on every machine. */
const chromium = await findChromium(testDataFolder, say, { searchPath: '' }).catch(() =>
  findChromium(testDataFolder, say),
);
const browser = await startChromium(chromium);
const dataDir = await mkdtemp(path.join(tmpdir(), 'holdfast-pictures-'));
try {
  const service = await startProgram(['dist/apps/order-service/src/main.js'], {
    PORT: '0',
    HOLDFAST_DATA_DIR: dataDir,
    LOG_LEVEL: 'silent',
  });
  try {
    await pictureSale(browser, service.url);
    await pictureStrategies(browser, service.url);
  } finally {
    await service.stop();
  }
} finally {
  await browser.close();
  await rm(dataDir, { recursive: true });
}

/** Two pages watch the same sale: one light, one dark, taken while units still go. */
async function pictureSale(browser: Browser, url: string): Promise<void> {
  const sku = 'aurora-lamp';
  const sale = await sell(url, sku);
  const pages = await Promise.all(
    (['light', 'dark'] as const).map((colorScheme) =>
      open(browser, `${url}/console#/sale/${sku}`, colorScheme),
    ),
  );
  say('a sale of half a minute');
  await sale.untilPicture();
  await take(pages[0]!, 'console.png');
  await take(pages[1]!, 'console-dark.png');
  await sale.end();
}

/** One scenario by several strategies, started as an operator starts it, one after the other. */
async function pictureStrategies(browser: Browser, url: string): Promise<void> {
  const page = await open(browser, `${url}/console#/simulations`, 'light');
  await page.setViewportSize({ ...screen, height: 480 });
  await page.getByRole('button', { name: 'Rehearse a sale' }).click();
  await page.getByLabel('Buyers', { exact: true }).fill('3000');
  await page.getByLabel('Units', { exact: true }).fill('300');
  await page.getByLabel('Instances', { exact: true }).fill('3');
  await page.getByLabel('Arriving within, seconds').fill('5');
  for (const strategy of strategies) await page.getByLabel(strategy).check();
  await page.getByRole('button', { name: 'Start' }).click();
  say(`the same sale by ${strategies.length + 1} strategies, a minute or two`);
  const finished = page.locator('.comparison tbody tr').nth(strategies.length);
  await finished.waitFor({ timeout: rehearsalsMs });
  await page.mouse.move(0, 0);
  await take(page, 'strategies.png');
}

async function open(browser: Browser, address: string, colorScheme: 'light' | 'dark'): Promise<Page> {
  const context = await browser.newContext({ viewport: screen, deviceScaleFactor: 1.5, colorScheme });
  const page = await context.newPage();
  await page.goto(address);
  await page.getByRole('button', { name: 'Use the development keys' }).click();
  await page.locator('.frame').waitFor();
  return page;
}

async function take(page: Page, name: string): Promise<void> {
  const file = path.join(images, name);
  await page.screenshot({ path: file });
  const { size } = await stat(file);
  if (size > pictureBytesMax) throw new Error(`${name} has ${size} bytes: too large for a repository`);
  say(`docs/images/${name}, ${Math.round(size / 1_000)} kB`);
}
