// The enforced-TLS list, as an administrator works with it.

import assert from 'node:assert/strict';
import test from 'node:test';

import {act, openReader, scene} from './browser.js';

test('a wildcard: added, pinged in vain, pinged well, found, changed and deleted', async (t) => {
  const reader = await openReader(t);
  const {page} = reader;

  await page.getByRole('button', {name: 'Add entry'}).click();
  await reader.dialog().getByLabel('Domain pattern').fill('*.Partner.test');
  await reader.dialog().getByLabel('TLS level').selectOption('verify');
  await reader.dialog().getByLabel('Names in the certificate').fill('mail.partner.test');
  await reader.dialog().getByLabel('Note').fill('asked for by J.');
  await reader.dialog().getByRole('button', {name: 'Save'}).click();
  await reader.row('*.partner.test').waitFor();
  await reader.see('*.partner.test is saved.', page.locator('#announcements'));
  // It is saved though the ping of its own domain failed, and says so.
  assert.match(await reader.row('*.partner.test').innerText(),
               /verify[^]*invalid[^]*asked for by J\./);
  await page.getByRole('button', {name: 'Show the ping'}).click();
  await reader.see('STARTTLS is not offered', reader.dialog());
  await page.keyboard.press('Escape');
  await reader.dialog().waitFor({state: 'hidden'});

  // The wildcard has no servers of its own: one of its domains is named.
  await page.getByRole('button', {name: 'Ping: *.partner.test'}).click();
  const ping = reader.dialog();
  await reader.see('stands for many domains', ping);
  await ping.getByLabel('Domain').fill('mail.partner.test');
  await page.keyboard.press('Enter');
  const result = ping.getByRole('status');
  await reader.see('0 of 1 address passed.', result);
  await reader.see('STARTTLS is not offered', result);
  await reader.see('Ask its operator to switch it on', result);
  assert.equal(await result.getAttribute('aria-live'), 'polite');
  await reader.shoot('ping-failed');

  await act('starttls');
  await ping.getByRole('button', {name: 'Ping'}).click();
  await reader.see('1 of 1 address passed.', result);
  await reader.see(/TLSv1\.[23]/, result);
  await reader.see('CN=mail.partner.test', result);
  await reader.gone('STARTTLS is not offered', result);
  await page.keyboard.press('Escape');
  await ping.waitFor({state: 'hidden'});
  await reader.row('*.partner.test').getByText('valid', {exact: true}).waitFor();
  // The focus is where it was before the dialog, though the list was shown anew.
  await page.locator('[data-focus="ping:*.partner.test"]:focus').waitFor();

  await page.getByLabel('Search').fill('asked for');
  await reader.see('1 entry');
  assert.equal(await reader.row('late.test').count(), 0);
  assert.equal(new URL(page.url()).hash, '#domains?text=asked+for');
  await page.getByLabel('Search').fill('nothing like it');
  await reader.see('No entry matches.');
  await page.getByLabel('Search').fill('');
  await reader.row('late.test').waitFor();

  await page.getByRole('button', {name: 'Edit: *.partner.test'}).click();
  await reader.dialog().getByLabel('TLS level').selectOption('secure');
  await reader.dialog().getByLabel('Names in the certificate').fill('mail.partner.test\n.partner.test');
  await reader.dialog().getByRole('button', {name: 'Save'}).click();
  await reader.row('*.partner.test').getByText('secure').waitFor();
  await page.getByRole('button', {name: 'Edit: *.partner.test'}).click();
  assert.equal(await reader.dialog().getByLabel('Names in the certificate').inputValue(),
               'mail.partner.test\n.partner.test');
  await reader.shoot('edit');
  await page.keyboard.press('Escape');

  await page.getByRole('button', {name: 'Delete: *.partner.test'}).click();
  await reader.see('may then travel without TLS', reader.dialog());
  await reader.dialog().getByRole('button', {name: 'Cancel'}).click();
  await reader.dialog().waitFor({state: 'hidden'});
  assert.equal(await reader.row('*.partner.test').count(), 1);
  await page.getByRole('button', {name: 'Delete: *.partner.test'}).click();
  await reader.dialog().getByRole('button', {name: 'Delete'}).click();
  await reader.see('*.partner.test is deleted.', page.locator('#announcements'));
  await reader.row('*.partner.test').waitFor({state: 'detached'});
});

test('a fault stands beside its field, and nothing is lost', async (t) => {
  const reader = await openReader(t);
  const {page} = reader;
  reader.expectRefusals(409, 422);
  await page.getByRole('button', {name: 'Add entry'}).click();
  const form = reader.dialog();
  await form.getByLabel('Domain pattern').fill('a..b.test');
  await form.getByLabel('Note').fill('kept');
  await form.getByRole('button', {name: 'Save'}).click();
  await reader.see('empty label', form.getByRole('alert'));
  assert.equal(await form.getByLabel('Domain pattern').getAttribute('aria-invalid'), 'true');
  assert.equal(await form.getByLabel('Note').inputValue(), 'kept');
  await form.locator('[name="pattern"]:focus').waitFor();

  await form.getByLabel('Domain pattern').fill('late.test');
  await form.getByRole('button', {name: 'Save'}).click();
  await reader.see('late.test is on the list already', form.getByRole('alert'));
  await form.getByRole('button', {name: 'Cancel'}).click();
});

test('what came from outside is text, never markup', async (t) => {
  const reader = await openReader(t);
  const {page} = reader;
  const note = '<img src=x onerror=alert(1)><b>bold</b>';
  await page.getByRole('button', {name: 'Add entry'}).click();
  await reader.dialog().getByLabel('Domain pattern').fill('markup.test');
  await reader.dialog().getByLabel('Note').fill(note);
  await reader.dialog().getByRole('button', {name: 'Save'}).click();
  await reader.row('markup.test').getByText(note).waitFor();
  assert.equal(await page.locator('main img, main b').count(), 0);
});

test('the page is served so that nobody else can be in it', async () => {
  const answer = await fetch(scene.url);
  const policy = answer.headers.get('Content-Security-Policy');
  for (const rule of ["default-src 'none'", "script-src 'self'", "style-src 'self'",
                      "connect-src 'self'", "base-uri 'none'", "form-action 'none'",
                      "frame-ancestors 'none'"]) {
    assert.ok(policy.includes(rule), `${rule} is not in ${policy}`);
  }
  assert.doesNotMatch(policy, /unsafe|\*|http/);
  assert.equal(answer.headers.get('Content-Type'), 'text/html; charset=utf-8');
  assert.equal(answer.headers.get('Cache-Control'), 'no-cache');
  const again = await fetch(scene.url, {headers: {'If-None-Match': answer.headers.get('ETag')}});
  assert.equal(again.status, 304);
});
