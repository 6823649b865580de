// Small charts, drawn as SVG.
//
//   lineChart({title, series: [{name, kind: 'good', points: [{at, value}]}], until, span})
//   barChart({title, bars: [{name, value}]})
//
// Each names its latest figures in words: for those who do not see it, and for those who want to
// know exactly. Colours come from the style sheet by `kind`, lines are also told apart by dashes.

import {h, svg} from './dom.js';
import {number, shortNumber, text} from './language.js';

const kWidth = 360;
const kHeight = 120;
const kLeft = 38;
const kBottom = 18;
const kTop = 8;

// The least of 1, 2, 5, 10, 20, 50, … that is not below `value`.
function roundUp(value) {
  if (value <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= value);
}

// Paths that end where a value is not known.
function linePath(points, x, y) {
  let path = '';
  let drawing = false;
  for (const {at, value} of points) {
    if (value !== null) path += `${drawing ? 'L' : 'M'}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
    drawing = value !== null;
  }
  return path;
}

export function lineChart({title, series, until, span}) {
  const values = series.flatMap(({points}) => points.map(({value}) => value ?? 0));
  const most = roundUp(Math.max(0, ...values));
  const x = (at) => kLeft + (kWidth - kLeft) * (1 - (until - at) / span);
  const y = (value) => kTop + (kHeight - kTop - kBottom) * (1 - value / most);
  const grid = [0, most / 2, most].map((value) => [
    svg('line', {class: 'grid', x1: kLeft, x2: kWidth, y1: y(value), y2: y(value)}),
    svg('text', {x: kLeft - 6, y: y(value) + 3.5, 'text-anchor': 'end'}, shortNumber(value)),
  ]);
  const ends = [
    svg('text', {x: kLeft, y: kHeight - 4}, text('chart.minutes_ago', {count: span / 60000})),
    svg('text', {x: kWidth, y: kHeight - 4, 'text-anchor': 'end'}, text('chart.now')),
  ];
  const lines = series.map(({kind, points}) => svg('path', {class: `line ${kind}`,
                                                           d: linePath(points, x, y)}));
  const legend = series.map(({name, kind, points}) => {
    const value = points.at(-1)?.value ?? null;
    return h('li', {}, h('span', {class: `key ${kind}`, 'aria-hidden': 'true'}), `${name} `,
             h('strong', {}, value === null ? '–' : number(value)));
  });
  return figure(title, svg('svg', {viewBox: `0 0 ${kWidth} ${kHeight}`, 'aria-hidden': 'true'},
                           grid, ends, lines), h('ul', {class: 'legend'}, legend));
}

export function barChart({title, bars, empty}) {
  if (bars.length === 0) return figure(title, h('p', {class: 'empty'}, empty));
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
