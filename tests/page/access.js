// Who gets in, and what they may do.

import assert from 'node:assert/strict';
import test from 'node:test';

import {openReader, scene} from './browser.js';

test('a wrong token says so, a right one opens, and signing out closes', async (t) => {
  const reader = await openReader(t, {token: null});
  const {page} = reader;
  reader.expectRefusals(401);
  await page.getByLabel('Access token').fill('sluice_wrong');
  await page.keyboard.press('Enter');
  await reader.see('This token is not accepted.');
  await reader.shoot('sign-in');
  await page.locator('input[aria-invalid="true"]:focus').waitFor();
  await page.getByLabel('Access token').fill(scene.token);
  await page.getByRole('button', {name: 'Sign in'}).click();
  await reader.see('Enforced TLS connections');
  await page.reload();
  await reader.see('Enforced TLS connections');

  assert.equal(await page.evaluate(() => document.cookie), '');
  assert.equal(await page.evaluate(() => JSON.stringify(localStorage).includes('sluice_')), false);

  await page.getByRole('button', {name: 'Sign out'}).click();
  await page.getByLabel('Access token').waitFor();
  await page.reload();
  await page.getByLabel('Access token').waitFor();
});

test('a view that is asked for by its address is there after signing in', async (t) => {
  const reader = await openReader(t, {view: '#certificates'});
  await reader.see(scene.serialNumber);
});

test('a token for reading shows everything and changes nothing', async (t) => {
  const reader = await openReader(t, {token: scene.readToken});
  const {page} = reader;
  await reader.see('Read-only access');
  await reader.row('late.test').waitFor();
  const edits = [page.getByRole('button', {name: 'Add entry'}),
                 page.getByRole('button', {name: 'Edit: late.test'}),
                 page.getByRole('button', {name: 'Delete: late.test'})];
  for (const button of edits) {
    assert.equal(await button.isDisabled(), true);
    assert.equal(await button.getAttribute('title'), 'Your token is read-only');
  }
  await reader.go('queue');
  await reader.row('late.test').waitFor();
  assert.equal(await page.getByRole('button', {name: 'Retry all now'}).isDisabled(), true);
});
