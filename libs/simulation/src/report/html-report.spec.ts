import { expect, test } from '@jest/globals';
import { scenario } from '#contracts';
import { htmlOf } from './html-report.js';
import { rehearseVirtually } from '../virtual/rehearse-virtually.js';

test('a page that needs nothing else, and reads no part of a report as markup', async () => {
  const description = '</script><script>alert(1)</script> costs $& and $1';
  const report = await rehearseVirtually(
    scenario.parse({ time: 'virtual', buyers: 50, stock: 5, description }),
  );
  const page = await htmlOf([report]);
  expect(page).not.toMatch(/\b(src|href)="(https?:)?\/\//);
  expect(page).not.toContain('</script><script>alert');
  expect(page).toContain('uPlot');
  const [, data] = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(page)!;
  expect(JSON.parse(data!)).toEqual([report]);
});
