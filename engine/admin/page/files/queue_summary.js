// The queue by destination, age and reason: what waits where, at a glance. It is asked for only while
// it is open, since the gateway goes through the whole queue for it.

import {get} from './api.js';
import {h} from './dom.js';
import {duration, number, text} from './language.js';
import {moment} from './moment.js';
import {region} from './region.js';
import {reasonCounts} from './report.js';
import {linkTo} from './route.js';
import {table} from './table.js';

const kMost = 20;

// {element, stop}; `filters.domain` narrows it.
export function queueSummary(filters) {
  const figures = region(
      (signal) => get('/v1/queue:summary', {domain: filters.domain, limit: kMost}, signal),
      (answer) => [destinationTable(answer), largest(answer)]);
  const element = h('details', {class: 'summary', ontoggle: () => {
    if (element.open) figures.refresh();
  }}, h('summary', {}, text('summary.title')), figures.element);
  return {element, stop: figures.stop};
}

function largest({destinations, destinations_total: total}) {
  if (destinations.length === total) return [];
  return h('p', {class: 'muted'}, text('summary.largest', {shown: destinations.length,
                                                           count: total}));
}

function destinationTable({ages_minutes: ages, all, destinations}) {
  const upTo = ages.map((minutes) => text('summary.up_to', {age: duration(60 * minutes)}));
  const older = text('summary.older', {age: duration(60 * ages.at(-1))});
  const row = (name, share) => ({cells: [
    name, number(share.messages), number(share.tls_failed), number(share.held),
    ageCounts(share.by_age, [...upTo, older]), waitsFor(share), reasonCounts(share.by_reason),
  ]});
  return table({
    caption: text('summary.title'),
    columns: [
      {label: text('field.destination')}, {label: text('column.messages'), class: 'number'},
      {label: text('summary.tls'), class: 'number'}, {label: text('queue.held'), class: 'number'},
      {label: text('summary.age')}, {label: text('summary.waits_for')},
      {label: text('column.why')},
    ],
    rows: [
      row(text('summary.all'), all),
      ...destinations.map((share) => row(
          h('a', {class: 'code', href: linkTo('queue', {domain: share.destination})},
            share.destination), share)),
    ],
  });
}

// What keeps its mail from being tried, but for each message's own time.
function waitsFor({parked, next_probe_at: probe, paused_until: pause, rate_limited: limited}) {
  return [
    parked === 0 ? null : h('div', {}, `${number(parked)} × ${text('summary.parked')}`,
                            probe ? [`, ${text('summary.probe')} `, moment(probe)] : null),
    pause ? h('div', {}, `${text('summary.pause')} `, moment(pause)) : null,
    limited ? h('div', {}, text('summary.rate')) : null,
  ];
}

function ageCounts(byAge, labels) {
  return byAge.map((count, i) => count === 0 ? null
                                             : h('div', {}, `${number(count)} × ${labels[i]}`));
}
