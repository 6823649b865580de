// What became of messages. Headings, reasons and labels come from the daemon in the reader's
// language, so that the page, sluicectl and the API use the same words.

import {get} from './api.js';
import {h} from './dom.js';
import {kReasons, kStages, options} from './entry_words.js';
import {filterForm, instants} from './filters.js';
import {dateTime, language, text} from './language.js';
import {pager} from './pager.js';
import {senderText} from './queue.js';
import {region} from './region.js';
import {currentFilters} from './route.js';
import {definitions, table} from './table.js';

const kPage = 100;
const kOutcomes = ['check_tls', 'deferred', 'delivered', 'failed', 'expired', 'deleted_tls_policy',
                   'deleted', 'returned', 'would_refuse', 'refused'];
const kBadges = {check_tls: 'bad', delivered: 'good', deferred: 'warn', failed: 'bad', expired: 'bad',
                 deleted_tls_policy: 'bad', would_refuse: 'warn', refused: 'warn'};

export function showHistory(main) {
  const filters = currentFilters();
  const list = region(
      (signal) => get('/v1/history', {...instants(filters), limit: kPage, lang: language(),
                                      cursor: pages.cursor()}, signal),
      (answer) => [entryTable(answer), pages.element(answer.next)]);
  const pages = pager(list.refresh);

  main.append(
      h('div', {class: 'toolbar'},
        filterForm([
          {name: 'domain', label: text('field.domain'), type: 'search'},
          {name: 'outcome', label: text('field.outcome'), options: [
            ['', text('filter.any')], ...kOutcomes.map((name) => [name, text(`outcome.${name}`)])]},
          {name: 'stage', label: text('field.stage'), options: [
            ['', text('filter.any')], ...options('stage', kStages)]},
          {name: 'reason', label: text('field.reason'), options: [
            ['', text('filter.any')], ...options('reason', kReasons)]},
          {name: 'monitored', label: text('field.monitored'), options: [
            ['', text('filter.any')], ['true', text('monitored.true')],
            ['false', text('monitored.false')]]},
          {name: 'sender', label: text('field.sender')},
          {name: 'recipient', label: text('field.recipient')},
          {name: 'message', label: text('field.message')},
          {name: 'since', label: text('filter.since'), type: 'datetime-local'},
          {name: 'until', label: text('filter.until'), type: 'datetime-local'},
        ], filters, pages.first),
        h('div', {class: 'buttons'},
          h('button', {type: 'button', onclick: pages.first}, text('refresh')))),
      list.element);
  list.refresh();
  return list.stop;
}

function entryTable({entries, labels}) {
  if (entries.length === 0) return h('p', {class: 'empty'}, text('history.empty'));
  return table({
    caption: text('title.history'),
    columns: [
      {label: text('column.time'), class: 'time'}, {label: text('column.event')},
      {label: text('column.from_to')}, {label: labels.domain}, {label: labels.server},
    ],
    rows: entries.map((entry) => ({cells: [
      h('time', {datetime: entry.at}, dateTime(entry.at)),
      [h('span', {class: `badge ${kBadges[entry.outcome] ?? ''}`}, entry.heading), ' ',
       entry.reason_text ?? ''],
      [h('div', {}, senderText(entry.sender)),
       (entry.recipients ?? []).map((address) => h('div', {}, `→ ${address}`))],
      h('span', {class: 'code'}, entry.domain ?? ''),
      h('span', {class: 'code'}, entry.mx ?? entry.address ?? ''),
    ], detail: () => details(entry, labels)})),
  });
}

function details(entry, labels) {
  const code = (value) => value && h('span', {class: 'code'}, value);
  return definitions([
    [labels.message_id, code(entry.message_id)],
    [labels.direction, labels[entry.direction]],
    [labels.entry, entry.entry && `${entry.entry}, ${labels.entry_generation} ${
        entry.entry_generation}`],
    [labels.decided_by, entry.decided_by],
    [labels.attempt, entry.attempt],
    [labels.server, [entry.mx, entry.address].filter(Boolean).join(' ')],
    [labels.source_address, entry.source_address],
    [labels.why, [entry.stage_text, entry.reason_text].filter(Boolean).join(': ')],
    [labels.detail, entry.detail && h('span', {lang: 'en'}, entry.detail)],
    [labels.tls, [entry.tls_version, entry.cipher].filter(Boolean).join(', ')],
    [labels.certificate, code(entry.certificate)],
    [labels.handshake, entry.handshake && h('pre', {class: 'header'}, entry.handshake)],
    [labels.next_try_at, entry.next_try_at && dateTime(entry.next_try_at)],
    [labels.deadline_at, entry.deadline_at && dateTime(entry.deadline_at)],
  ]);
}
