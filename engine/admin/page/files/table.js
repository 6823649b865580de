// A table that a phone shows as cards: each cell then says which column it is of.
//
//   table({caption: text('title.queue'), columns: [{label: text('column.sender')}, …],
//          rows: entries.map((entry) => ({cells: [entry.sender, …], detail: () => definitions(…)}))})
//
// The first cell of a row is its header. A row with a `detail` has a button that shows it below.
// The roles are spelled out because the style sheet takes tables apart on narrow screens, and
// browsers then forget what they were.

import {h, newId} from './dom.js';
import {text} from './language.js';

export function table({caption, columns, rows}) {
  const all = rows.some(({detail}) => detail) ?
      [...columns, {label: text('details'), class: 'actions', hidden: true}] : columns;
  const head = h('thead', {role: 'rowgroup'}, h('tr', {role: 'row'}, all.map(
      (column) => h('th', {scope: 'col', role: 'columnheader', class: column.class},
                    column.hidden ? h('span', {class: 'visually-hidden'}, column.label)
                                  : column.label))));
  const body = h('tbody', {role: 'rowgroup'}, rows.map((row) => tableRows(row, all)));
  return h('div', {class: 'table-frame', role: 'region', 'aria-label': caption, tabindex: 0},
           h('table', {role: 'table'},
             h('caption', {class: 'visually-hidden'}, caption), head, body));
}

function tableRows({cells, detail}, columns) {
  if (!detail) return tableRow(cells, columns);
  const id = newId();
  const below = h('tr', {role: 'row', class: 'below', hidden: true, id});
  const toggle = () => {
    if (below.hidden) {
      below.replaceChildren(h('td', {role: 'cell', colspan: columns.length}, detail()));
    }
    below.hidden = !below.hidden;
    button.setAttribute('aria-expanded', String(!below.hidden));
  };
  const button = h('button', {type: 'button', class: 'quiet', 'aria-expanded': 'false',
                              'aria-controls': id, onclick: toggle}, text('details'));
  return [tableRow([...cells, button], columns), below];
}

function tableRow(cells, columns) {
  return h('tr', {role: 'row'}, cells.map((cell, i) => tableCell(cell, i, columns[i])));
}

function tableCell(content, index, column) {
  const value = h('div', {class: 'value'}, content);
  const kind = [column.class, value.childNodes.length === 0 ? 'nothing' : null];
  const attributes = {'data-label': column.hidden ? null : column.label,
                      class: kind.filter(Boolean).join(' ') || null};
  return index === 0 ? h('th', {scope: 'row', role: 'rowheader', ...attributes}, value)
                     : h('td', {role: 'cell', ...attributes}, value);
}

// Names and values, one below the other; those without a value are left out.
export function definitions(pairs) {
  return h('dl', {class: 'definitions'},
           pairs.filter(([, value]) => value !== undefined && value !== null && value !== '')
               .map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))));
}
