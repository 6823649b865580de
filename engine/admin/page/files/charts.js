// Small charts, drawn as SVG.
//
//   lineChart({title, series: [{name, kind: 'good', points: [{at, value}]}], until, span})
//   barChart({title, bars: [{name, value}], empty: text('chart.no_failures')})
//
// Times are in milliseconds. Each names its latest figures in words: for those who do not see it,
// and for those who want to know exactly. Colours come from the style sheet by `kind`; lines are
// told apart by their dashes too.

import {h, svg} from './dom.js';
import {number, shortNumber, text} from './language.js';

// The least of 1, 2, 5, 10, 20, 50, … that is not below `value`.
function roundUp(value) {
  if (value <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= value);
}

// Of a square of 100 by 100, which is stretched to its place. A line ends where a value is not
// known.
function linePath(points, x, y) {
  let path = '';
  let drawing = false;
  for (const {at, value} of points) {
    if (value !== null) path += `${drawing ? 'L' : 'M'}${x(at).toFixed(2)} ${y(value).toFixed(2)}`;
    drawing = value !== null;
  }
  return path;
}

export function lineChart({title, series, until, span}) {
  const values = series.flatMap(({points}) => points.map(({value}) => value ?? 0));
  const most = roundUp(Math.max(0, ...values));
  const x = (at) => 100 * (1 - (until - at) / span);
  const y = (value) => 100 * (1 - value / most);
  const grid = [0, 50, 100].map((height) => svg('line', {class: 'grid', x1: 0, x2: 100, y1: height,
                                                         y2: height}));
  const lines = series.map(({kind, points}) => svg('path', {class: `line ${kind}`,
                                                           d: linePath(points, x, y)}));
  const plot = h('div', {class: 'plot', 'aria-hidden': 'true'},
                 h('div', {class: 'scale'}, [most, most / 2, 0].map(
                     (value) => h('span', {}, shortNumber(value)))),
                 svg('svg', {viewBox: '0 0 100 100', preserveAspectRatio: 'none'}, grid, lines),
                 h('div', {class: 'times'},
                   h('span', {}, text('chart.minutes_ago', {count: span / 60000})),
                   h('span', {}, text('chart.now'))));
  const legend = series.map(({name, kind, points}) => {
    const value = points.at(-1)?.value ?? null;
    return h('li', {}, h('span', {class: `key ${kind}`, 'aria-hidden': 'true'}), `${name} `,
             h('strong', {}, value === null ? '–' : number(value)));
  });
  return figure(title, plot, h('ul', {class: 'legend'}, legend));
}

export function barChart({title, bars, empty}) {
  if (bars.length === 0) return figure(title, h('p', {class: 'muted'}, empty));
  const most = Math.max(...bars.map(({value}) => value));
  return figure(title, h('ul', {class: 'bars'}, bars.map(({name, value}) => h(
      'li', {}, h('span', {}, name), h('strong', {}, number(value)),
      svg('svg', {viewBox: '0 0 100 4', preserveAspectRatio: 'none', 'aria-hidden': 'true'},
          svg('rect', {class: 'track', width: 100, height: 4}),
          svg('rect', {class: 'bar', width: (100 * value / most).toFixed(2), height: 4}))))));
}

function figure(title, ...children) {
  return h('figure', {class: 'card chart'}, h('figcaption', {}, title), children);
}
