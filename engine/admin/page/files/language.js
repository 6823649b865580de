// What the page says, in the language of its reader; and numbers and times as that language writes
// them.
//
//   text('domains.count', {count: 3})     "3 entries", "3 Einträge"
//   word('reason', 'not_offered')         a word of the API; one that is not known stays as it is
//
// The language is the browser's, until the reader chooses another, which is kept. A text that
// depends on {count} is an object by the categories of Intl.PluralRules.

import de from './text_de.js';
import en from './text_en.js';

const kCatalogues = {en, de};
const kChosen = 'sluice.language';

function preferred() {
  const chosen = localStorage.getItem(kChosen);
  if (chosen in kCatalogues) return chosen;
  const known = navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase())
                    .find((tag) => tag in kCatalogues);
  return known ?? 'en';
}

let current = preferred();
document.documentElement.lang = current;

export const languages = Object.keys(kCatalogues);

export function language() {
  return current;
}

export function setLanguage(name) {
  current = name;
  localStorage.setItem(kChosen, name);
  document.documentElement.lang = name;
}

export function text(key, values = {}) {
  let template = kCatalogues[current][key];
  if (template === undefined) throw new Error(`no text '${key}' in '${current}'`);
  if (typeof template !== 'string') {
    template = template[new Intl.PluralRules(current).select(values.count)] ?? template.other;
  }
  return template.replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name];
    return typeof value === 'number' ? number(value) : value;
  });
}

export function word(group, name, otherwise = name) {
  return kCatalogues[current][`${group}.${name}`] ?? otherwise;
}

export function number(value) {
  return new Intl.NumberFormat(current, {maximumFractionDigits: 1}).format(value);
}

// Four characters or so: "950", "1.2K", "34K"; for axes.
export function shortNumber(value) {
  return new Intl.NumberFormat(current, {notation: 'compact', maximumFractionDigits: 1})
      .format(value);
}

export function bytes(value) {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];
  let unit = 0;
  while (value >= 1000 && unit + 1 < units.length) {
    value /= 1000;
    unit += 1;
  }
  return new Intl.NumberFormat(
      current, {style: 'unit', unit: units[unit], unitDisplay: unit === 0 ? 'long' : 'short',
                maximumFractionDigits: 1}).format(value);
}

export function dateTime(iso) {
  return new Intl.DateTimeFormat(current, {dateStyle: 'medium', timeStyle: 'medium',
                                             hourCycle: 'h23'})
      .format(new Date(iso));
}

// "5 minutes ago", "in 3 hours".
export function relativeTime(iso) {
  const seconds = (new Date(iso) - Date.now()) / 1000;
  const format = new Intl.RelativeTimeFormat(current, {numeric: 'auto'});
  for (const [unit, length] of [['day', 86400], ['hour', 3600], ['minute', 60]]) {
    if (Math.abs(seconds) >= 1.5 * length) return format.format(Math.round(seconds / length), unit);
  }
  return format.format(Math.round(seconds), 'second');
}

export function duration(seconds) {
  const parts = [['day', 86400], ['hour', 3600], ['minute', 60], ['second', 1]];
  const first = parts.findIndex(([, length]) => seconds >= length);
  if (first < 0) return unitText(0, 'second');
  return parts.slice(first, first + 2).map(([unit, length], i) => {
    const count = Math.floor(seconds / length);
    seconds -= count * length;
    return i > 0 && count === 0 ? null : unitText(count, unit);
  }).filter((part) => part !== null).join(' ');
}

function unitText(count, unit) {
  return new Intl.NumberFormat(current, {style: 'unit', unit, unitDisplay: 'long'}).format(count);
}
