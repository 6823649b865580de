// The page for everybody: by keyboard alone, on a phone, in the dark, and by a screen reader.

import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import test from 'node:test';

import {openReader} from './browser.js';

const kViews = ['domains', 'changes', 'report', 'queue', 'history', 'certificates', 'status'];
const kAxe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

// What axe-core finds against WCAG 2.2 AA; contrast in the colours of the scheme that is shown.
async function violations(page) {
  await page.evaluate(kAxe);
  const found = await page.evaluate(() => axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}));
  return found.violations.flatMap(
      ({id, nodes}) => nodes.map((node) => `${id}: ${node.html} ${node.failureSummary}`));
}

test('an entry is added and pinged without a mouse', async (t) => {
  const reader = await openReader(t);
  const {page} = reader;
  const press = (key) => page.keyboard.press(key);
  const focused = () => page.evaluate(() => {
    const at = document.activeElement;
    return at.getAttribute('aria-label') ?? at.name ?? at.innerText;
  });
  // Forward until the wanted thing has the focus, which has to come within one round of the page.
  async function tabTo(wanted) {
    for (let i = 0; i < 60; ++i) {
      await press('Tab');
      if (await page.evaluate((text) => {
        const at = document.activeElement;
        return at.getAttribute('aria-label') === text || at.getAttribute('name') === text ||
               at.innerText === text;
      }, wanted)) return;
    }
    assert.fail(`${wanted} was not reached; the focus is at ${await focused()}`);
  }

  await reader.row('late.test').waitFor();
  await tabTo('Add entry');
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineWidth);
  assert.notEqual(outline, '0px', 'the focus is not to be seen');
  await press('Enter');
  await page.locator('dialog [name="pattern"]:focus').waitFor();
  await page.keyboard.type('good.test');
  await tabTo('level');
  await page.keyboard.type('enc');
  await tabTo('Save');
  await press('Enter');
  await reader.row('good.test').waitFor();
  await page.locator('[data-focus="edit:good.test"]:focus').waitFor();

  await press('Shift+Tab');
  await press('Enter');
  await reader.see('1 of 1 address passed.', reader.dialog());
  // The focus does not leave an open dialog for the page behind it.
  for (let i = 0; i < 6; ++i) {
    await press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement === document.body ||
                                           document.activeElement.closest('dialog') !== null), true);
  }
  await press('Escape');
  await page.locator('[data-focus="ping:good.test"]:focus').waitFor();

  await tabTo('Delete: good.test');
  await press('Enter');
  await page.locator('dialog footer button:focus').waitFor();
  await press('Tab');
  await press('Enter');
  await reader.row('good.test').waitFor({state: 'detached'});
});

test('a phone of 320 pixels shows every view without scrolling sideways', async (t) => {
  const reader = await openReader(t, {viewport: {width: 320, height: 640}, locale: 'de-DE',
                                   hasTouch: true, isMobile: true});
  const {page} = reader;
  const overflow = () => page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  for (const view of kViews) {
    await reader.go(view);
    assert.equal(await overflow(), 0, view);
    await reader.shoot(`phone-${view}`);
  }
  await reader.go('domains');
  await page.getByRole('button', {name: 'Bearbeiten: late.test'}).click();
  const box = await reader.dialog().boundingBox();
  assert.ok(box.x >= 0 && box.x + box.width <= 320, JSON.stringify(box));
  assert.equal(await overflow(), 0);
});

for (const colorScheme of ['light', 'dark']) {
  test(`nothing stands in the way of a screen reader or of weak eyes: ${colorScheme}`, async (t) => {
    const reader = await openReader(t, {colorScheme, reducedMotion: 'reduce'});
    const {page} = reader;
    for (const view of kViews) {
      await reader.go(view);
      if (view === 'status') await page.locator('figure').first().waitFor();
      assert.deepEqual(await violations(page), [], view);
      await reader.shoot(`${colorScheme}-${view}`);
    }
    await reader.go('domains');
    await page.getByRole('button', {name: 'Edit: late.test'}).click();
    assert.deepEqual(await violations(page), [], 'the form');
    await page.keyboard.press('Escape');
    await page.getByRole('button', {name: 'Ping: late.test'}).click();
    await reader.see('0 of 1 address passed.', reader.dialog());
    assert.deepEqual(await violations(page), [], 'a ping');
    await page.keyboard.press('Escape');
    await page.getByRole('button', {name: 'Sign out'}).click();
    await page.getByLabel('Access token').waitFor();
    assert.deepEqual(await violations(page), [], 'signing in');

    // The scheme is the reader's: dark is dark.
    const [red, green, blue] = await page.evaluate(
        () => getComputedStyle(document.documentElement).backgroundColor.match(/\d+/g).map(Number));
    assert.equal((red + green + blue) / 3 < 128, colorScheme === 'dark');
    });
}
