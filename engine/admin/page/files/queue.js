// What waits, why, and until when; tried again, held, given back or deleted.

import {actionButton} from './action.js';
import {get, remove, send} from './api.js';
import {confirmed} from './dialog.js';
import {announce, h} from './dom.js';
import {filterForm} from './filters.js';
import {bytes, relativeTime, text, word} from './language.js';
import {messageDetail} from './message.js';
import {moment} from './moment.js';
import {queueSummary} from './queue_summary.js';
import {reasonOf, region} from './region.js';
import {currentFilters, linkTo} from './route.js';
import {table} from './table.js';

const kPage = 100;

export function showQueue(main, session) {
  const filters = currentFilters();
  let cursor = '';
  const list = region(
      (signal) => get('/v1/queue', {...filters, limit: kPage, cursor}, signal),
      (answer) => [totals(answer.totals), messageTable(answer), nextPage(answer)]);
  const summary = queueSummary(filters);
  const fault = h('div', {role: 'alert'});

  function fromTheFirst() {
    cursor = '';
    list.refresh();
  }

  // Asks for something, says what came of it, and shows the list anew.
  async function order(work, say) {
    fault.replaceChildren();
    try {
      announce(say(await work()));
    } catch (error) {
      fault.replaceChildren(h('p', {class: 'notice bad'}, reasonOf(error)));
    }
    await list.refresh();
    if (document.activeElement === document.body) main.querySelector('h1').focus();
  }

  function retry(selection) {
    return order(() => send('POST', '/v1/queue:retry', selection),
                 (answer) => text('queue.woken', {count: answer.woken}));
  }

  function hold(message) {
    return order(() => send('POST', '/v1/queue:hold', partOf(message)), () => text('queue.is_held'));
  }

  function release(message) {
    return order(() => send('POST', '/v1/queue:release', partOf(message)),
                 (answer) => text('queue.woken', {count: answer.released}));
  }

  async function bounce(message) {
    const agreed = await confirmed({
      title: text('queue.bounce.title'),
      message: text('queue.bounce.message', {sender: senderText(message.sender),
                                             destination: message.destination}),
      action: text('queue.bounce'),
    });
    if (!agreed) return;
    await order(() => send('POST', '/v1/queue:bounce', partOf(message)),
                () => text('queue.bounced'));
  }

  async function deleteMessage(message) {
    const agreed = await confirmed({
      title: text('queue.delete.title'),
      message: text('queue.delete.message', {sender: senderText(message.sender),
                                             destination: message.destination}),
      action: text('delete'),
    });
    if (!agreed) return;
    await order(() => remove(`/v1/queue/${message.message_id}`, {domain: message.destination}),
                () => text('queue.deleted'));
  }

  function messageTable({messages}) {
    if (messages.length === 0) {
      return h('p', {class: 'empty'},
               text(Object.keys(filters).length > 0 ? 'queue.none_found' : 'queue.empty'));
    }
    return table({
      caption: text('title.queue'),
      columns: [
        {label: text('field.destination')}, {label: text('column.from_to')},
        {label: text('column.last_failure')}, {label: text('column.attempts'), class: 'number'},
        {label: text('column.next_try')}, {label: text('column.deadline')},
        {label: text('column.actions'), class: 'actions', hidden: true},
      ],
      rows: messages.map((message) => ({cells: [
        [h('span', {class: 'code'}, message.destination), ' ',
         message.state === 'active' ? h('span', {class: 'badge'}, text('queue.active')) : null,
         message.state === 'held' ? h('span', {class: 'badge warn'}, text('queue.held')) : null,
         message.state === 'parked' ? h('span', {class: 'badge warn'}, text('queue.parked')) : null],
        [h('div', {}, senderText(message.sender)),
         message.recipients.map(({address}) => h('div', {}, `→ ${address}`)),
         h('div', {class: 'muted small'},
           h('a', {class: 'code', href: linkTo('history', {message: message.message_id})},
             message.message_id), ` · ${bytes(message.size_bytes)}`)],
        failure(message.last_failure), String(message.attempts),
        message.state === 'held' ? h('span', {class: 'muted small'}, message.held)
                                 : moment(message.next_probe_at ?? message.next_try_at),
        moment(message.deadline_at), actions(message),
      ], detail: () => messageDetail(message)})),
    });
  }

  function actions(message) {
    const {message_id: id, destination, recipients} = message;
    const subject = recipients.map(({address}) => address).join(', ');
    const held = message.state === 'held';
    return [
      held ? actionButton(session, {label: text('queue.release'), subject,
                                    focus: `retry:${id}:${destination}`,
                                    action: () => release(message)})
           : actionButton(session, {label: text('queue.retry'), subject,
                                    focus: `retry:${id}:${destination}`,
                                    action: () => retry({message: id})}),
      held ? null : actionButton(session, {label: text('queue.hold'), subject,
                                           focus: `hold:${id}:${destination}`,
                                           action: () => hold(message)}),
      actionButton(session, {label: text('queue.bounce'), subject,
                             focus: `bounce:${id}:${destination}`, action: () => bounce(message)}),
      actionButton(session, {label: text('delete'), subject, focus: `delete:${id}:${destination}`,
                             action: () => deleteMessage(message)}),
    ];
  }

  function nextPage({next}) {
    if (next === '' && cursor === '') return [];
    const go = (to) => () => {
      cursor = to;
      list.refresh();
    };
    return h('nav', {class: 'pager', 'aria-label': text('pages')},
             h('button', {type: 'button', disabled: cursor === '', onclick: go('')}, text('first')),
             h('button', {type: 'button', disabled: next === '', onclick: go(next)}, text('next')));
  }

  main.append(
      h('div', {class: 'toolbar'},
        filterForm([
          {name: 'domain', label: text('field.destination'), type: 'search'},
          {name: 'sender', label: text('field.sender')},
          {name: 'recipient', label: text('field.recipient')},
          {name: 'state', label: text('field.state'), options: [
            ['', text('filter.any')], ['waiting', text('queue.waiting')],
            ['active', text('queue.active')], ['held', text('queue.held')],
            ['parked', text('queue.parked')]]},
        ], filters, fromTheFirst),
        h('div', {class: 'buttons'},
          h('button', {type: 'button', onclick: list.refresh}, text('refresh')),
          actionButton(session, {label: text('queue.retry_all'), kind: 'plain', action: () => retry(
              filters.domain ? {domain: filters.domain} : {all: true})}))),
      fault, summary.element, list.element);
  list.refresh();
  return () => {
    list.stop();
    summary.stop();
  };
}

function totals({messages, active, body_bytes: size, oldest_accepted_at: oldest}) {
  return h('p', {class: 'muted'}, [
    text('queue.count', {count: messages}), text('queue.active_count', {count: active}), bytes(size),
    oldest ? text('queue.oldest', {when: relativeTime(oldest)}) : null,
  ].filter((part) => part !== null).join(' · '));
}

// The message's part that goes to this destination, as orders name it.
function partOf({message_id: message, destination: domain}) {
  return {message, domain};
}

export function senderText(sender) {
  return sender === '' ? '<>' : sender;
}

function failure(last) {
  if (!last) return h('span', {class: 'muted'}, text('queue.no_failure'));
  return [last.tls ? h('span', {class: 'badge bad'}, 'TLS')
                   : h('span', {class: 'badge warn'}, word('stage', last.stage)), ' ',
          last.reason ? word('reason', last.reason) : null,
          h('div', {class: 'muted small', lang: 'en'}, last.text)];
}
