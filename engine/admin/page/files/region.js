// The part of a view that shows what the API answered: it is busy while it asks, and says what went
// wrong, with a button to try again.
//
//   const list = region((signal) => get('/v1/queue', filters, signal), (answer) => [table(…)]);
//   view.append(list.element);
//   await list.refresh();
//
// Of two refreshes that overtake one another the later one counts.

import {h, keepingFocus} from './dom.js';
import {text} from './language.js';

// The daemon's own words are English.
export function reasonOf(error) {
  if (error.code === 'unreachable') return h('span', {}, text('error.unreachable'));
  return h('span', {lang: 'en'}, error.message);
}

export function errorBox(error, again) {
  return h('div', {class: 'notice bad', role: 'alert'}, h('p', {}, reasonOf(error)),
           again ? h('button', {type: 'button', onclick: again}, text('error.again')) : null);
}

export function region(ask, show) {
  const element = h('div', {class: 'region'});
  let asking = null;

  async function refresh() {
    asking?.abort();
    const mine = new AbortController();
    asking = mine;
    element.setAttribute('aria-busy', 'true');
    let children;
    try {
      children = show(await ask(mine.signal));
    } catch (error) {
      if (mine.signal.aborted) return;
      children = [errorBox(error, refresh)];
    }
    if (mine.signal.aborted) return;
    keepingFocus(element, () => element.replaceChildren(...children));
    element.removeAttribute('aria-busy');
  }

  return {element, refresh, stop: () => asking?.abort()};
}
