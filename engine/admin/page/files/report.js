// What entries that only monitor would have refused, had they enforced: whom to speak to before they
// do.

import {get} from './api.js';
import {h} from './dom.js';
import {filterForm, instants} from './filters.js';
import {number, text, word} from './language.js';
import {moment} from './moment.js';
import {region} from './region.js';
import {currentFilters, linkTo} from './route.js';
import {table} from './table.js';

const kPage = 100;

export function showReport(main) {
  const filters = currentFilters();
  const list = region(
      (signal) => get('/v1/domains:report', {...instants(filters), limit: kPage}, signal),
      (answer) => [counts(answer), domainTable(answer)]);

  main.append(
      h('p', {}, text('report.about')),
      h('div', {class: 'toolbar'},
        filterForm([
          {name: 'domain', label: text('field.domain'), type: 'search'},
          {name: 'since', label: text('filter.since'), type: 'datetime-local'},
          {name: 'until', label: text('filter.until'), type: 'datetime-local'},
        ], filters, list.refresh),
        h('div', {class: 'buttons'},
          h('button', {type: 'button', onclick: list.refresh}, text('refresh')))),
      list.element);
  list.refresh();
  return list.stop;
}

function counts({messages, domains, domains_total: total}) {
  return h('p', {class: 'muted'}, [
    text('report.messages', {count: messages}),
    domains.length < total ? text('report.largest', {shown: domains.length, count: total}) : null,
  ].filter(Boolean).join(' · '));
}

function domainTable({domains}) {
  if (domains.length === 0) return h('p', {class: 'empty'}, text('report.empty'));
  return table({
    caption: text('title.report'),
    columns: [
      {label: text('field.domain')}, {label: text('field.direction')}, {label: text('field.entry')},
      {label: text('column.messages'), class: 'number'}, {label: text('column.why')},
      {label: text('column.last')},
    ],
    rows: domains.map((row) => ({cells: [
      h('a', {class: 'code', href: linkTo('history', {domain: row.domain, monitored: 'true'})},
        row.domain),
      word('direction', row.direction), h('span', {class: 'code'}, row.entry),
      number(row.messages), reasonCounts(row.by_reason),
      [moment(row.last_at),
       h('div', {class: 'muted small', lang: 'en'}, row.last_detail)],
    ]})),
  });
}

// A line for each reason of TLS's, or stage of what failed otherwise; those with most messages
// first.
export function reasonCounts(byReason) {
  return Object.entries(byReason).sort(([, a], [, b]) => b - a).map(
      ([reason, count]) => h('div', {},
        `${number(count)} × ${word('reason', reason, word('stage', reason))}`));
}
