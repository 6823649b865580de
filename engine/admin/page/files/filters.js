// The row of fields by which a list is narrowed. It acts while one types, after a short rest.
//
//   filterForm([{name: 'text', label: text('filter.text'), type: 'search'},
//               {name: 'level', label: text('field.level'), options: [['', 'any'], …]}],
//              filters, () => list.refresh())
//
// `filters` holds the values, which also stand in the address (route.js).

import {h, newId} from './dom.js';
import {text} from './language.js';
import {keepFilters} from './route.js';

const kRestMilliseconds = 250;

export function filterForm(fields, filters, onChange) {
  let resting = 0;

  function change(name, value) {
    if (value === '') {
      delete filters[name];
    } else {
      filters[name] = value;
    }
    keepFilters(filters);
    clearTimeout(resting);
    resting = setTimeout(onChange, kRestMilliseconds);
  }

  const form = h('form', {class: 'filters', role: 'search', 'aria-label': text('filter.title')},
                 fields.map((field) => fieldElement(field, filters[field.name] ?? '', change)));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    clearTimeout(resting);
    onChange();
  });
  return form;
}

// The filters as the API takes them: a time without a zone is the reader's own.
export function instants(filters) {
  const asked = {...filters};
  for (const name of ['since', 'until']) {
    if (asked[name]) asked[name] = new Date(asked[name]).toISOString();
  }
  return asked;
}

function fieldElement(field, value, change) {
  const id = newId();
  const listen = (event) => change(field.name, event.target.value);
  const input = field.options ?
      h('select', {id, onchange: listen}, field.options.map(
          ([name, label]) => h('option', {value: name, selected: name === value}, label))) :
      h('input', {id, type: field.type ?? 'text', value, oninput: listen, autocomplete: 'off',
                  spellcheck: 'false', autocapitalize: 'none'});
  return h('div', {class: `field${field.type === 'search' ? ' wide' : ''}`},
           h('label', {for: id}, field.label), input);
}
