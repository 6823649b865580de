// The enforced-TLS list: found by text and by what an entry demands, and changed.

import {actionButton} from './action.js';
import {get, remove} from './api.js';
import {confirmed} from './dialog.js';
import {announce, h} from './dom.js';
import {editEntry} from './entry_form.js';
import {kDirections, kLevels, kModes, kPings, options} from './entry_words.js';
import {filterForm} from './filters.js';
import {text, word} from './language.js';
import {moment} from './moment.js';
import {openPing, verdictBadge} from './ping.js';
import {region, reasonOf} from './region.js';
import {currentFilters, keepFilters, linkTo} from './route.js';
import {table} from './table.js';

const kPage = 100;

export function showDomains(main, session) {
  const filters = currentFilters();
  const said = h('div', {});

  const list = region(
      (signal) => get('/v1/domains', {...filters, limit: kPage}, signal),
      (answer) => [summary(answer), entryTable(answer), pager(answer)]);

  function narrowed() {
    delete filters.offset;
    keepFilters(filters);
    list.refresh();
  }

  async function changed(message, focus) {
    announce(message);
    await list.refresh();
    const target = focus && list.element.querySelector(`[data-focus="${CSS.escape(focus)}"]`);
    (target || main.querySelector('h1')).focus();
  }

  function edit(entry) {
    editEntry(entry, (saved, ping) => {
      said.replaceChildren(savedNotice(saved.pattern, ping));
      changed(text('entry.saved', {pattern: saved.pattern}), `edit:${saved.pattern}`);
    });
  }

  // What the ping that the daemon makes on saving found, where there was one.
  function savedNotice(pattern, ping) {
    if (!ping?.verdict) {
      // Off, for mail from there alone, or naming no domain: the daemon says which.
      return ping?.skipped ? h('p', {class: 'notice'}, text('entry.not_pinged', {pattern}), ' ',
                               h('span', {lang: 'en'}, ping.skipped)) : '';
    }
    return h('p', {class: 'notice'}, text('entry.saved', {pattern}), ' ', verdictBadge(ping.verdict),
             ' ', h('button', {type: 'button', class: 'quiet', onclick: () => openPing(
                 pattern, {result: ping, onDone: list.refresh})}, text('ping.show')));
  }

  async function removeEntry(entry) {
    const {pattern} = entry;
    const agreed = await confirmed({title: text('entry.delete.title', {pattern}),
                                    message: text('entry.delete.message', {pattern}),
                                    action: text('delete')});
    if (!agreed) return;
    said.replaceChildren();
    try {
      await remove(`/v1/domains/${encodeURIComponent(pattern)}`);
      await changed(text('entry.deleted', {pattern}));
    } catch (error) {
      said.replaceChildren(h('p', {class: 'notice bad', role: 'alert'}, reasonOf(error)));
    }
  }

  function summary(answer) {
    return h('p', {class: 'muted'}, text('domains.count', {count: answer.total}));
  }

  function entryTable(answer) {
    if (answer.entries.length === 0) {
      return h('p', {class: 'empty'},
               text(Object.keys(filters).length > 0 ? 'domains.none_found' : 'domains.empty'));
    }
    return table({
      caption: text('title.domains'),
      columns: [
        {label: text('field.pattern')}, {label: text('field.mode')}, {label: text('field.direction')},
        {label: text('field.level')}, {label: text('field.minimum_version')},
        {label: text('column.last_ping')}, {label: text('field.note'), class: 'note'},
        {label: text('column.actions'), class: 'actions', hidden: true},
      ],
      rows: answer.entries.map((entry) => ({cells: [
        h('a', {href: linkTo('history', {domain: domainOf(entry.pattern)}), class: 'code'},
          entry.pattern),
        h('span', {class: `badge ${entry.mode === 'enforce' ? 'on' : ''}`},
          word('mode', entry.mode)),
        word('direction', entry.direction),
        h('span', {title: word('level_long', entry.level)}, word('level', entry.level)),
        `TLS ${entry.minimum_version}`, lastPing(entry), entry.note, actions(entry),
      ]})),
    });
  }

  function actions(entry) {
    const {pattern} = entry;
    const ping = () => openPing(pattern, {onDone: list.refresh});
    return [
      actionButton(session, {label: text('ping'), subject: pattern, focus: `ping:${pattern}`,
                             action: ping}),
      actionButton(session, {label: text('edit'), subject: pattern, focus: `edit:${pattern}`,
                             action: () => edit(entry)}),
      actionButton(session, {label: text('delete'), subject: pattern, focus: `delete:${pattern}`,
                             action: () => removeEntry(entry)}),
    ];
  }

  function pager(answer) {
    const go = (offset) => () => {
      filters.offset = String(offset);
      keepFilters(filters);
      list.refresh();
    };
    const end = answer.offset + answer.entries.length;
    if (answer.offset === 0 && end >= answer.total) return [];
    return h('nav', {class: 'pager', 'aria-label': text('pages')},
             h('button', {type: 'button', disabled: answer.offset === 0, 'data-focus': 'previous',
                          onclick: go(Math.max(0, answer.offset - kPage))}, text('previous')),
             h('span', {}, text('pages.range', {from: answer.offset + 1, to: end,
                                               count: answer.total})),
             h('button', {type: 'button', disabled: end >= answer.total, 'data-focus': 'next',
                          onclick: go(end)}, text('next')));
  }

  const any = ['', text('filter.any')];
  main.append(
      h('div', {class: 'toolbar'},
        filterForm([
          {name: 'text', label: text('filter.text'), type: 'search'},
          {name: 'mode', label: text('field.mode'), options: [any, ...options('mode', kModes)]},
          {name: 'direction', label: text('field.direction'),
           options: [any, ...options('direction', kDirections)]},
          {name: 'level', label: text('field.level'), options: [any, ...options('level', kLevels)]},
          {name: 'ping', label: text('column.last_ping'),
           options: [any, ...options('last_ping', kPings)]},
        ], filters, narrowed),
        actionButton(session, {label: text('entry.add'), focus: 'add', kind: 'primary',
                               action: () => edit(null)})),
      said, list.element);
  list.refresh();
  return list.stop;
}

// The domain whose mail a pattern is about.
function domainOf(pattern) {
  return pattern === '*' ? '' : pattern.replace(/^\*?\./, '');
}

function lastPing(entry) {
  if (!entry.last_ping) return h('span', {class: 'muted'}, text('ping.never'));
  const {summary: said, at, warnings} = entry.last_ping;
  const [verdict, ...rest] = said.split(': ');
  return [verdictBadge(verdict), ' ',
          moment(at, {class: 'muted'}),
          rest.length > 0 ? h('div', {class: 'muted small'}, rest.map(
              (part) => word('reason', part)).join(': ')) : null,
          warnings.map((warning) => h('div', {class: 'small'},
            h('span', {class: 'badge warn'}, '!'), ' ', h('span', {lang: 'en'}, warning)))];
}
