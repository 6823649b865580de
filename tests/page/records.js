// What the gateway tells of its work: queue, history, certificates, status.

import assert from 'node:assert/strict';
import test from 'node:test';

import {act, openReader, scene} from './browser.js';

test('the queue shows what waits and why; it is tried again, held and deleted', async (t) => {
  const reader = await openReader(t);
  const {page} = reader;
  await reader.go('queue');
  const stuck = reader.row('stuck.test');
  await stuck.waitFor();
  assert.match(await stuck.innerText(), /anna@client\.test[^]*user@stuck\.test[^]*not offered/);
  await reader.shoot('queue');

  await act('pause');
  await page.locator('summary').click();
  await page.locator('details tr', {hasText: 'stuck.test'}).first().waitFor();
  assert.match(await page.locator('details tr', {hasText: 'stuck.test'}).innerText(),
               /1 × up to 5 minutes\s[^]*1 × STARTTLS is not offered/);
  assert.match(await page.locator('details tr', {hasText: 'busy.test'}).innerText(),
               /2 × up to 5 minutes\s[^]*the end of a pause, in \d[^]*\d × Greeting/);
  await reader.shoot('queue-summary');
  await page.locator('summary').click();

  await stuck.getByRole('button', {name: 'Details'}).click();
  const header = page.getByRole('region', {name: 'Header of the message'});
  await header.waitFor();
  assert.match(await header.innerText(), /^Received: from [^]*\nSubject: stuck\s/);
  await reader.shoot('queue-message');

  await page.getByRole('button', {name: 'Retry now: user@stuck.test'}).click();
  await reader.see('1 message is tried again now.', page.locator('#announcements'));
  // Its second attempt fails like the first.
  await page.waitForFunction(async (url) => {
    document.querySelector('main .buttons button').click();
    const row = [...document.querySelectorAll('main > .region tr')].find((tr) => /stuck\.test/.test(tr.innerText));
    return row && /\b2\b/.test(row.querySelector('.number').innerText);
  }, scene.url, {polling: 500});
  await reader.settle();

  await page.getByLabel('Destination', {exact: true}).fill('late.test');
  await reader.row('stuck.test').waitFor({state: 'detached'});
  await reader.row('late.test').waitFor();
  await page.getByLabel('Destination', {exact: true}).fill('stuck.test');
  await reader.row('late.test').waitFor({state: 'detached'});

  await page.getByRole('button', {name: 'Hold: user@stuck.test'}).click();
  await reader.see('on hold', reader.row('stuck.test'));
  await page.getByRole('button', {name: 'Release: user@stuck.test'}).waitFor();

  await page.getByRole('button', {name: 'Delete: user@stuck.test'}).click();
  await reader.see('The sender is not told.', reader.dialog());
  await reader.dialog().getByRole('button', {name: 'Delete'}).click();
  await reader.see('No message in the queue matches.');
});

test('the history reads in German, and is narrowed', async (t) => {
  const reader = await openReader(t, {locale: 'de-DE'});
  const {page} = reader;
  assert.equal(await page.locator('html').getAttribute('lang'), 'de');
  await reader.go('history');
  await reader.see('Verarbeitung läuft: TLS prüfen');
  await reader.see('STARTTLS wird nicht angeboten', page.locator('table'));
  await page.getByLabel('Ereignis').selectOption('delivered');
  await reader.gone('Verarbeitung läuft: TLS prüfen');
  await reader.row('user@good.test').first().waitFor();

  await page.getByLabel('Ereignis').selectOption('check_tls');
  await page.getByLabel('Domain', {exact: true}).fill('late.test');
  await reader.row('user@late.test').first().waitFor();
  await reader.row('user@stuck.test').first().waitFor({state: 'detached'});
  await reader.row('user@late.test').last().getByRole('button', {name: 'Einzelheiten'}).click();
  await reader.see('Nächster Versuch');
  await reader.shoot('history-german');

  // A filter stands in the address: who opens it sees the same.
  await page.reload();
  await reader.row('user@late.test').first().waitFor();
  assert.equal(await page.getByLabel('Ereignis').inputValue(), 'check_tls');

  // A day that has not come yet holds nothing.
  await page.getByLabel('Von', {exact: true}).fill('2099-01-01T00:00');
  await reader.see('Nichts im Verlauf passt.');
});

test('the changes to the list, and what monitored entries tell', async (t) => {
  const reader = await openReader(t);
  const {page} = reader;
  await reader.go('changes');
  const change = reader.row('watched.test');
  await change.waitFor();
  assert.match(await change.innerText(), /added[^]*root/);
  await page.getByLabel('By', {exact: true}).fill('nobody');
  await reader.see('No change matches.');
  await reader.shoot('changes');

  await reader.go('report');
  const watched = reader.row('watched.test');
  await watched.waitFor();
  assert.match(await watched.innerText(), /outbound[^]*1 × STARTTLS is not offered/);
  await reader.shoot('report');
  await watched.getByRole('link', {name: 'watched.test'}).click();
  await reader.row('user@watched.test').first().waitFor();
  assert.equal(await page.getByLabel('Monitored entries').inputValue(), 'true');
});

test('the language can be chosen, and is remembered', async (t) => {
  const reader = await openReader(t);
  const {page} = reader;
  await page.getByRole('button', {name: 'DE Deutsch'}).click();
  await reader.see('Erzwungene TLS-Verbindungen');
  await page.reload();
  await reader.see('Erzwungene TLS-Verbindungen');
  await page.getByRole('button', {name: 'EN English'}).click();
  await reader.see('Enforced TLS connections');
});

test('the certificates show what a partner asks for', async (t) => {
  const reader = await openReader(t);
  await reader.go('certificates');
  await reader.see(scene.serialNumber);
  await reader.see('CN=Sluice test CA');
  await reader.see(/\d+ days left/);
  await reader.page.getByRole('button', {name: 'Reload from disk'}).click();
  await reader.see('The certificates were read anew.', reader.page.locator('#announcements'));
  await reader.shoot('certificates');
});

test('the status has figures, and charts with points', async (t) => {
  const reader = await openReader(t);
  const {page} = reader;
  await reader.go('status');
  await reader.see('Failures by reason, since the start');
  await reader.see('STARTTLS is not offered');
  const delivered = async () => Number(
      await page.locator('.tile', {hasText: 'Delivered'}).locator('strong').innerText());
  await page.locator('.tile', {hasText: 'Delivered'}).waitFor();
  const before = await delivered();
  await act('delivery');
  await page.waitForFunction((count) => [...document.querySelectorAll('.tile')].some(
      (tile) => /Delivered/.test(tile.innerText) &&
                Number(tile.querySelector('strong').innerText) > count), before);
  // A line of each chart goes through two points at least.
  for (const title of ['Inbound TLS handshakes per minute', 'Deliveries per minute',
                       'Backlog, messages']) {
    await page.waitForFunction((name) => [...document.querySelectorAll('figure')].some(
        (figure) => figure.innerText.includes(name) &&
                    /^M[\d.]+ [\d.]+L/.test(figure.querySelector('path').getAttribute('d'))), title);
  }
  // The delivery shows in its chart: it rises above the axis, which is at 100.
  await page.waitForFunction(() => [...document.querySelectorAll('figure')].some(
      (figure) => figure.innerText.includes('Deliveries per minute') &&
                  [...figure.querySelector('path.good').getAttribute('d').matchAll(/ ([\d.]+)/g)]
                      .some(([, y]) => Number(y) < 100)));
  await reader.shoot('status');
});
