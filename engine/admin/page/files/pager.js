// Forth and back through a list that is read in pages, each of which names the next.
//
//   const pages = pager(() => list.refresh());
//   get('/v1/history', {cursor: pages.cursor()}, …)
//   [table(…), pages.element(answer.next)]
//   pages.first()             // when what is looked for has changed

import {h} from './dom.js';
import {text} from './language.js';

export function pager(show) {
  let cursors = [''];  // of the pages up to the one that is shown

  const older = (next) => () => {
    cursors.push(next);
    show();
  };
  const newer = () => {
    cursors.pop();
    show();
  };
  return {
    cursor: () => cursors.at(-1),
    first() {
      cursors = [''];
      show();
    },
    element(next) {
      if (next === '' && cursors.length === 1) return [];
      return h('nav', {class: 'pager', 'aria-label': text('pages')},
               h('button', {type: 'button', disabled: cursors.length === 1, 'data-focus': 'newer',
                            onclick: newer}, text('newer')),
               h('button', {type: 'button', disabled: next === '', 'data-focus': 'older',
                            onclick: older(next)}, text('older')));
    },
  };
}
