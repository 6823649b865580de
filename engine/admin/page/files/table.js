// A table that a phone shows as cards: each cell then says which column it is of.
//
//   table({caption: text('queue'), columns: [{label: text('column.sender')}, …],
//          rows: entries.map((entry) => [entry.sender, …])})
//
// The first cell of a row is its header. The roles are spelled out because the style sheet takes
// tables apart on narrow screens, and browsers then forget what they were.

import {h} from './dom.js';

export function table({caption, columns, rows}) {
  const head = h('thead', {role: 'rowgroup'}, h('tr', {role: 'row'}, columns.map(
      (column) => h('th', {scope: 'col', role: 'columnheader', class: column.class},
                    column.hidden ? h('span', {class: 'visually-hidden'}, column.label)
                                  : column.label))));
  const body = h('tbody', {role: 'rowgroup'}, rows.map(
      (cells) => h('tr', {role: 'row'}, cells.map((cell, i) => tableCell(cell, i, columns[i])))));
  return h('div', {class: 'table-frame', role: 'region', 'aria-label': caption, tabindex: 0},
           h('table', {role: 'table'},
             h('caption', {class: 'visually-hidden'}, caption), head, body));
}

function tableCell(content, index, column) {
  const attributes = {'data-label': column.hidden ? null : column.label, class: column.class};
  return index === 0 ? h('th', {scope: 'row', role: 'rowheader', ...attributes}, content)
                     : h('td', {role: 'cell', ...attributes}, content);
}

// Names and values, one below the other; those without a value are left out.
export function definitions(pairs) {
  return h('dl', {class: 'definitions'},
           pairs.filter(([, value]) => value !== undefined && value !== null && value !== '')
               .map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))));
}
