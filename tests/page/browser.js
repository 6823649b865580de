// A browser for a script: Chromium, each test with a page of its own that shares nothing with the
// others, and a watch over what must never happen.
//
//   test('…', async (t) => {
//     const reader = await openReader(t);               // signed in
//     await reader.see('No entry matches.');
//   });                                                 // fails if anything untoward was seen
//
// Untoward are: a request that leaves the page's origin, a breach of its Content-Security-Policy,
// an exception, and anything in the browser's console. Answers of the API that are refusals stand in
// the console too: those that a script provokes it names with `expectRefusals`.

import assert from 'node:assert/strict';
import {after} from 'node:test';

import {chromium} from 'playwright-core';

export const scene = JSON.parse(process.env.SLUICE_PAGE_SCENE);

export async function act(name) {
  const answer = await fetch(`${scene.scene}/${name}`, {method: 'POST'});
  assert.equal(answer.status, 204, `${name} failed: see the scene's errors`);
}

// `token` null: not signed in. `options` are Playwright's for a browser context.
export async function openReader(
    t, {token = scene.token, view = '', locale = 'en-US', ...options} = {}) {
  const reader = new Reader();
  t.after(() => reader.close());
  await reader.open({locale, ...options});
  await reader.page.goto(scene.url + view);
  if (token !== null) await reader.signIn(token);
  return reader;
}

let browser = null;
after(() => browser?.close());

class Reader {
  #untoward = [];
  #refusals = new Set();

  async open(options) {
    browser ??= await chromium.launch({
      executablePath: '/usr/bin/chromium',
      args: process.getuid() === 0 ? ['--no-sandbox'] : [], timeout: scene.patience});
    this.context = await browser.newContext({viewport: {width: 1280, height: 800}, ...options});
    this.context.setDefaultTimeout(scene.patience);
    this.page = await this.context.newPage();
    const origin = new URL(scene.url).origin;
    this.page.on('request', (request) => {
      if (new URL(request.url()).origin !== origin) this.#untoward.push(`asked ${request.url()}`);
    });
    this.page.on('pageerror', (error) => this.#untoward.push(`threw ${error.stack}`));
    this.page.on('console', (said) => this.#console(said));
  }

  // Violations of the policy and failed requests stand in the console as errors.
  #console(said) {
    const refused = /the server responded with a status of (\d+)/.exec(said.text());
    if (refused && this.#refusals.has(Number(refused[1]))) return;
    this.#untoward.push(`console ${said.type()}: ${said.text()}`);
  }

  expectRefusals(...statuses) {
    this.#refusals = new Set(statuses);
  }

  async signIn(token) {
    await this.page.getByLabel(/Access token|Zugangstoken/).fill(token);
    await this.page.keyboard.press('Enter');
    await this.page.getByRole('navigation').first().waitFor();
  }

  async go(view) {
    await this.page.locator(`nav a[data-view="${view}"]`).click();
    await this.page.locator(`nav a[data-view="${view}"][aria-current="page"]`).waitFor();
    await this.settle();
  }

  // Until the view shows what it asked for.
  async settle() {
    await this.page.locator('main:not(:has([aria-busy]))').waitFor();
  }

  // Waits until it is there to be seen.
  see(text, within = this.page) {
    return within.getByText(text).first().waitFor();
  }

  gone(text, within = this.page) {
    return within.getByText(text).first().waitFor({state: 'hidden'});
  }

  row(text) {
    return this.page.getByRole('row').filter({hasText: text});
  }

  dialog() {
    return this.page.getByRole('dialog');
  }

  async shoot(name) {
    if (scene.screenshots === '') return;
    await this.page.screenshot({path: `${scene.screenshots}/${name}.png`, fullPage: true});
  }

  async close() {
    await this.context?.close();
    assert.deepEqual(this.#untoward, []);
  }
}
