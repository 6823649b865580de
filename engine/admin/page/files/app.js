// The page as a whole: signing in and out, the frame with its navigation, and which view is shown.
//
// A view is a function (main, session) that fills `main` and gives back what stops it. `session` is
// what GET /v1/session says: {by, role}.

import {forgetToken, get, hasToken, onSignedOut} from './api.js';
import {showCertificates} from './certificates.js';
import {showChanges} from './changes.js';
import {h} from './dom.js';
import {showDomains} from './domains.js';
import {showHistory} from './history.js';
import {language, languages, setLanguage, text} from './language.js';
import {showQueue} from './queue.js';
import {errorBox} from './region.js';
import {showReport} from './report.js';
import {currentView, linkTo} from './route.js';
import {showSignIn} from './sign_in.js';
import {showStatus} from './status.js';
import {StatusFeed} from './status_feed.js';

const kViews = {
  domains: showDomains,
  changes: showChanges,
  report: showReport,
  queue: showQueue,
  history: showHistory,
  certificates: showCertificates,
  status: showStatus,
};

const root = document.getElementById('app');
let session = null;
let feed = null;
let stopView = () => {};

function languageSwitch(again) {
  return h('div', {class: 'languages', role: 'group', 'aria-label': text('language')},
           languages.map((name) => h('button', {
             type: 'button', class: 'quiet', lang: name, 'aria-pressed': String(name === language()),
             'data-focus': `language:${name}`,
             onclick: () => {
               setLanguage(name);
               again();
               root.querySelector(`[data-focus="language:${name}"]`).focus();
             },
           }, name.toUpperCase(), h('span', {class: 'visually-hidden'}, ` ${text(`language.${name}`)}`))));
}

function brand() {
  return h('span', {class: 'brand'}, h('img', {src: '/page/icon.svg', alt: '', width: 22, height: 22}),
           'Sluice');
}

function frame() {
  const links = Object.keys(kViews).map(
      (view) => h('li', {}, h('a', {href: linkTo(view), 'data-view': view}, text(`view.${view}`))));
  return [
    h('a', {class: 'skip', href: '#main', onclick: (event) => {
      event.preventDefault();
      root.querySelector('h1').focus();
    }}, text('skip')),
    h('header', {class: 'top'}, brand(), h('nav', {'aria-label': text('navigation')},
                                           h('ul', {}, links)),
      h('div', {class: 'who'}, h('span', {class: 'muted'}, session.by),
        languageSwitch(() => showFrame()),
        h('button', {type: 'button', class: 'quiet', onclick: signOut}, text('sign_out')))),
    h('main', {id: 'main'}),
  ];
}

function showFrame() {
  stopView();
  root.replaceChildren(...frame());
  showView();
}

function showView() {
  stopView();
  const view = currentView() in kViews ? currentView() : 'domains';
  document.title = `${text(`view.${view}`)} · Sluice`;
  for (const link of root.querySelectorAll('nav a')) {
    if (link.dataset.view === view) {
      link.setAttribute('aria-current', 'page');
    } else {
      link.removeAttribute('aria-current');
    }
  }
  const main = root.querySelector('main');
  main.replaceChildren(h('h1', {tabindex: -1}, text(`title.${view}`)));
  if (session.role === 'read') {
    main.append(h('p', {class: 'notice', id: 'read-only'}, text('read_only')));
  }
  stopView = kViews[view](main, session, feed) ?? (() => {});
}

function leave() {
  stopView();
  stopView = () => {};
  feed?.stop();
  feed = null;
  session = null;
}

function askForToken(message) {
  leave();
  document.title = `${text('sign_in.title')} · Sluice`;
  root.replaceChildren(
      h('header', {class: 'top'}, brand(),
        h('div', {class: 'who'}, languageSwitch(() => askForToken()))),
      h('main', {id: 'main', class: 'narrow'}));
  showSignIn(root.querySelector('main'), message, enter);
}

function signOut() {
  forgetToken();
  askForToken();
}

// With the token that was kept. ApiError when it is not taken.
async function enter() {
  session = await get('/v1/session');
  feed = new StatusFeed();
  showFrame();
  root.querySelector('h1').focus();
}

onSignedOut(() => {
  if (session !== null) askForToken(text('sign_in.ended'));
});
window.addEventListener('hashchange', () => {
  if (session === null) return;
  showView();
  root.querySelector('h1').focus();
});

async function start() {
  if (!hasToken()) return askForToken();
  try {
    await enter();
  } catch (error) {
    if (error.status === 401) return askForToken(text('sign_in.ended'));
    root.replaceChildren(h('main', {id: 'main', class: 'narrow'}, h('h1', {}, 'Sluice'),
                           errorBox(error, start)));
  }
}

start();
