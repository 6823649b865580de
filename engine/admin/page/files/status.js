// How the gateway does: its figures, charts of the last 15 minutes, and each core's counts.

import {barChart, lineChart} from './charts.js';
import {h} from './dom.js';
import {bytes, dateTime, duration, number, relativeTime, text, word} from './language.js';
import {reasonOf} from './region.js';
import {levels, rates} from './status_feed.js';
import {definitions, table} from './table.js';

export function showStatus(main, session, feed) {
  const fault = h('div', {role: 'alert'});
  const figures = h('div', {class: 'tiles'});
  const charts = h('div', {class: 'charts'});
  const facts = h('div', {});
  const cores = h('div', {});
  main.append(fault, figures, charts,
              h('details', {}, h('summary', {}, text('status.cores')), cores),
              h('section', {class: 'card'}, h('h2', {}, text('status.daemon')), facts));
  let failing = false;

  function draw() {
    const status = feed.latest;
    // Said once, not with each question: it is read aloud.
    if ((feed.error !== null) !== failing) {
      failing = feed.error !== null;
      fault.replaceChildren(failing ? h('p', {class: 'notice bad'}, reasonOf(feed.error)) : '');
    }
    if (status === null) return;
    figures.replaceChildren(...tiles(status));
    charts.replaceChildren(...drawCharts(feed.samples, status));
    facts.replaceChildren(daemon(status));
    cores.replaceChildren(coreTable(status));
  }

  return feed.listen(draw);
}

// How far back charts go: as far as there is something to show.
const kSpans = [1, 2, 5, 10, 15].map((minutes) => minutes * 60000);

function tiles({queue, total}) {
  const tile = (name, value, note) => h('div', {class: 'tile'}, h('span', {}, name),
                                        h('strong', {}, value),
                                        h('span', {class: 'muted'}, note ?? ''));
  const oldest = queue.oldest_accepted_at;
  return [
    tile(text('status.queued'), number(queue.messages),
         oldest ? text('queue.oldest', {when: relativeTime(oldest)}) : bytes(queue.body_bytes)),
    tile(text('status.accepted'), number(total.messages_accepted),
         text('status.refused', {count: total.messages_refused})),
    tile(text('status.delivered'), number(total.delivered),
         text('status.failed', {count: total.failed + total.expired + total.deleted_tls_policy})),
    tile(text('status.deferred'), number(total.deferred),
         text('status.tls_deferred', {count: total.tls_deferred})),
    tile(text('status.handshakes'), number(total.handshakes),
         text('status.handshakes_failed', {count: total.handshakes_failed})),
    tile(text('status.sessions'), number(total.sessions),
         text('status.outbound', {count: total.outbound_connections})),
  ];
}

function drawCharts(samples, {total}) {
  const until = samples.at(-1)?.at ?? performance.now();
  const seen = until - (samples[0]?.at ?? until);
  const span = kSpans.find((length) => length >= seen) ?? kSpans.at(-1);
  const chart = (title, series) => lineChart({title, series, until, span});
  const failures = Object.entries(total.failures)
                       .map(([name, value]) => ({name: failureName(name), value}))
                       .sort((a, b) => b.value - a.value);
  return [
    chart(text('chart.handshakes'), [
      {name: text('chart.done'), kind: 'good', points: rates(samples, (t) => t.handshakes)},
      {name: text('chart.failed'), kind: 'bad', points: rates(samples, (t) => t.handshakes_failed)},
    ]),
    chart(text('chart.deliveries'), [
      {name: text('chart.delivered'), kind: 'good', points: rates(samples, (t) => t.delivered)},
      {name: text('chart.deferred'), kind: 'warn', points: rates(samples, (t) => t.deferred)},
      {name: text('chart.failed'), kind: 'bad', points: rates(
          samples, (t) => t.failed + t.expired + t.deleted_tls_policy)},
    ]),
    chart(text('chart.backlog'), [
      {name: text('chart.messages'), kind: 'plain', points: levels(samples, (q) => q.messages)},
      {name: text('chart.active'), kind: 'good', points: levels(samples, (q) => q.active)},
    ]),
    barChart({title: text('chart.failures'), bars: failures, empty: text('chart.no_failures')}),
  ];
}

// A failure is counted by its reason of TLS, or else by the stage it happened in.
function failureName(name) {
  const reason = word('reason', name);
  return reason === name ? word('stage', name) : reason;
}

function daemon(status) {
  return definitions([
    [text('status.hostname'), status.hostname],
    [text('status.version'), status.version],
    [text('status.started'), `${dateTime(status.started_at)} (${duration(status.uptime_seconds)})`],
    [text('status.listeners'), status.listeners.join(', ')],
    [text('status.entries'), text('status.entries.value', {
      count: status.policy.entries, generation: String(status.policy.generation)})],
    [text('status.default_level'), word('level', status.policy.default_tls_level)],
    [text('status.draining'), status.draining ? text('yes') : null],
    [text('status.clock'), status.wall_clock_ahead_seconds === 0 ? null :
        duration(Math.abs(status.wall_clock_ahead_seconds))],
  ]);
}

const kCoreCounts = ['sessions', 'connections', 'handshakes', 'handshakes_failed',
                     'messages_accepted', 'messages_refused', 'delivered', 'deferred',
                     'tls_deferred', 'failed'];

function coreTable({cores, total}) {
  const row = (name, counts) => [name, ...kCoreCounts.map((count) => number(counts[count]))];
  return table({
    caption: text('status.cores'),
    columns: [{label: text('status.core')}, ...kCoreCounts.map(
        (count) => ({label: text(`count.${count}`), class: 'number'}))],
    rows: [...cores.map((core) => row(String(core.core), core)), row(text('status.total'), total)]
              .map((cells) => ({cells})),
  });
}
