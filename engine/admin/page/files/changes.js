// Who changed the enforced-TLS list, when, and how.

import {get} from './api.js';
import {h} from './dom.js';
import {filterForm, instants} from './filters.js';
import {dateTime, text, word} from './language.js';
import {pager} from './pager.js';
import {region} from './region.js';
import {currentFilters} from './route.js';
import {table} from './table.js';

const kPage = 100;

export function showChanges(main) {
  const filters = currentFilters();
  const list = region(
      (signal) => get('/v1/domains:changes', {...instants(filters), limit: kPage,
                                              cursor: pages.cursor()}, signal),
      (answer) => [changeTable(answer), pages.element(answer.next)]);
  const pages = pager(list.refresh);

  main.append(
      h('div', {class: 'toolbar'},
        filterForm([
          {name: 'pattern', label: text('field.pattern'), type: 'search'},
          {name: 'by', label: text('field.by')},
          {name: 'since', label: text('filter.since'), type: 'datetime-local'},
          {name: 'until', label: text('filter.until'), type: 'datetime-local'},
        ], filters, pages.first),
        h('div', {class: 'buttons'},
          h('button', {type: 'button', onclick: pages.first}, text('refresh')))),
      list.element);
  list.refresh();
  return list.stop;
}

function changeTable({changes}) {
  if (changes.length === 0) return h('p', {class: 'empty'}, text('changes.empty'));
  return table({
    caption: text('title.changes'),
    columns: [
      {label: text('column.time'), class: 'time'}, {label: text('field.pattern')},
      {label: text('column.change')}, {label: text('field.by')},
      {label: text('column.generation'), class: 'number'},
    ],
    rows: changes.map((change) => ({cells: [
      h('time', {datetime: change.at}, dateTime(change.at)),
      h('span', {class: 'code'}, change.pattern),
      [h('span', {class: 'badge'}, word('change', change.change)),
       h('div', {class: 'muted small', lang: 'en'}, change.difference)],
      change.by, String(change.generation),
    ]})),
  });
}
