// The form in which an entry of the list is made or changed.

import {send} from './api.js';
import {openDialog} from './dialog.js';
import {h, newId} from './dom.js';
import {kDirections, kInboundActions, kLevels, kMinimumVersions, kModes, options} from
    './entry_words.js';
import {text} from './language.js';
import {reasonOf} from './region.js';

const kFields = [
  {name: 'pattern', input: 'text', fixed: true},
  {name: 'mode', options: kModes},
  {name: 'direction', options: kDirections},
  {name: 'level', options: kLevels, explained: 'level_long'},
  {name: 'minimum_version', options: kMinimumVersions},
  {name: 'match_names', input: 'list', onlyWith: ['verify', 'secure']},
  {name: 'fingerprints', input: 'list', onlyWith: ['fingerprint']},
  {name: 'inbound_action', options: kInboundActions},
  {name: 'source_addresses', input: 'list'},
  {name: 'client_certificate', input: 'text', narrow: true},
  {name: 'note', input: 'text', narrow: true},
];

// `entry` is null for a new one. `onSaved(entry, ping)` is called when the daemon has it; `ping` is
// what came of the automatic ping, where there was one.
export function editEntry(entry, onSaved) {
  const fields = kFields.map((field) => formField(field, entry));
  const problem = h('div', {role: 'alert'});
  const save = h('button', {class: 'primary'}, text('save'));
  const working = h('span', {class: 'working', role: 'status'});
  const level = fields.find((field) => field.name === 'level').input;

  function showMatching() {
    for (const {onlyWith, element} of fields) {
      if (onlyWith) element.hidden = !onlyWith.includes(level.value);
    }
  }

  function showError(error) {
    const reasons = error.faults.map((fault) => fault.reason);
    for (const {name, input, fault} of fields) {
      const mine = reasons.filter((reason) => reason.startsWith(`${name}: `));
      fault.textContent = mine.map((reason) => reason.slice(name.length + 2)).join('; ');
      input.setAttribute('aria-invalid', String(mine.length > 0));
    }
    problem.replaceChildren(h('p', {class: 'notice bad'}, reasonOf(error)));
    const first = fields.find(({input}) => input.getAttribute('aria-invalid') === 'true');
    (first ?? fields[0]).input.focus();
  }

  async function submit(event) {
    event.preventDefault();
    save.disabled = true;
    working.textContent = text('entry.saving');
    const wanted = Object.fromEntries(fields.map((field) => [field.name, field.value()]));
    try {
      const answer = entry === null ?
          await send('POST', '/v1/domains', wanted) :
          await send('PATCH', `/v1/domains/${encodeURIComponent(entry.pattern)}`, wanted);
      dialog.close();
      onSaved(answer.entry, answer.ping);
    } catch (error) {
      save.disabled = false;
      working.textContent = '';
      showError(error);
    }
  }

  const dialog = openDialog(
      entry === null ? text('entry.add.title') : text('entry.edit.title', {pattern: entry.pattern}),
      [h('form', {class: 'entry', onsubmit: submit}, problem,
         h('div', {class: 'fields'}, fields.map((field) => field.element)),
         h('footer', {}, working, h('button', {type: 'button', onclick: () => dialog.close()},
                           text('cancel')), save))]);
  level.addEventListener('change', showMatching);
  showMatching();
  fields[entry === null ? 0 : 1].input.focus();
}

function formField({name, input: kind, options: names, explained, onlyWith, fixed, narrow}, entry) {
  const id = newId();
  const hint = newId();
  const faultId = newId();
  const now = entry?.[name] ?? '';
  const common = {id, name, 'aria-describedby': `${hint} ${faultId}`};
  let input;
  if (names) {
    input = h('select', common, options(explained ?? name, names).map(
        ([value, label]) => h('option', {value, selected: value === now}, label)));
  } else if (kind === 'list') {
    input = h('textarea', {...common, rows: 2, spellcheck: 'false', autocapitalize: 'none'},
              now === '' ? '' : now.join('\n'));
  } else {
    input = h('input', {...common, type: 'text', value: now, readonly: fixed && entry !== null,
                        required: name === 'pattern', spellcheck: 'false', autocomplete: 'off',
                        autocapitalize: 'none', maxlength: 1024});
  }
  const fault = h('p', {class: 'fault', id: faultId, lang: 'en'});
  const element = h('div', {class: `field${names || narrow ? '' : ' whole'}`},
                    h('label', {for: id}, text(`field.${name}`)), input,
                    h('p', {class: 'hint', id: hint}, text(`hint.${name}`)), fault);
  const value = kind === 'list' ? () => input.value.split(/[\s,]+/).filter((item) => item !== '')
                                : () => input.value.trim();
  return {name, input, element, fault, onlyWith, value};
}
