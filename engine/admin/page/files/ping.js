// The STARTTLS ping: whether a domain's servers can be reached as the list demands, right now.

import {send} from './api.js';
import {openDialog} from './dialog.js';
import {h, newId} from './dom.js';
import {dateTime, number, text, word} from './language.js';
import {errorBox} from './region.js';
import {definitions} from './table.js';

// `pattern` is an entry's. One that stands for many domains has no servers of its own: the reader
// names one of them. A `result` that is there already is shown.
export function openPing(pattern, {result = null, onDone = () => {}} = {}) {
  const id = newId();
  const hint = newId();
  const wildcard = pattern.startsWith('*') || pattern.startsWith('.');
  const input = h('input', {id, type: 'text', required: true, spellcheck: 'false',
                            autocomplete: 'off', autocapitalize: 'none', 'aria-describedby': hint,
                            value: result?.domain ?? (wildcard ? '' : pattern)});
  const start = h('button', {class: 'primary'}, text('ping'));
  const shown = h('div', {class: 'ping-result', role: 'status', 'aria-live': 'polite'});
  let asking = null;

  async function ping() {
    asking?.abort();
    asking = new AbortController();
    const {signal} = asking;
    shown.replaceChildren(h('p', {class: 'working'}, text('ping.working', {domain: input.value})));
    try {
      const answer = await send('POST', '/v1/domains:ping', {domain: input.value.trim()}, signal);
      if (!signal.aborted) shown.replaceChildren(...pingResult(answer));
    } catch (error) {
      if (!signal.aborted) shown.replaceChildren(errorBox(error));
    }
    if (!signal.aborted) onDone();
  }

  const form = h('form', {class: 'inline', onsubmit: (event) => {
    event.preventDefault();
    ping();
  }}, h('div', {class: 'field wide'}, h('label', {for: id}, text('field.domain')), input,
        h('p', {class: 'hint', id: hint},
          wildcard ? text('ping.hint.wildcard', {pattern}) : text('ping.hint'))), start);
  openDialog(text('ping.title'), [form, shown], {onClose: () => asking?.abort()});
  if (result) {
    shown.replaceChildren(...pingResult(result));
  } else if (!wildcard) {
    ping();
  }
}

const kBadges = {valid: 'good', partial: 'warn', invalid: 'bad'};

export function verdictBadge(verdict) {
  return h('span', {class: `badge ${kBadges[verdict] ?? ''}`}, word('verdict', verdict));
}

function pingResult(answer) {
  const passed = answer.targets.filter((target) => target.valid).length;
  return [
    h('p', {class: 'verdict'}, verdictBadge(answer.verdict), ' ',
      answer.targets.length === 0 ? answer.dns_failure :
          text('ping.passed', {passed, count: answer.targets.length}), ' ',
      h('span', {class: 'muted'}, answer.entry === '' ?
          text('ping.no_entry', {level: word('level', answer.level)}) :
          text('ping.by_entry', {entry: answer.entry, level: word('level', answer.level)}))),
    answer.hint === '' ? null : h('p', {class: 'advice'}, adviceOf(['dns_failure'], answer.hint)),
    h('ul', {class: 'targets'}, answer.targets.map((target) => h('li', {}, pingTarget(target)))),
  ].filter((node) => node !== null);
}

function pingTarget(target) {
  const certificate = target.certificate;
  return [
    h('p', {}, h('span', {class: `badge ${target.valid ? 'good' : 'bad'}`},
                 text(target.valid ? 'ping.target.valid' : 'ping.target.invalid')), ' ',
      h('strong', {class: 'code'}, target.mx || target.address), ' ',
      target.mx && target.address ? h('span', {class: 'muted code'}, target.address) : null, ' ',
      h('span', {class: 'muted'}, text('ping.took', {ms: number(target.took_ms)}))),
    target.valid ? null : h('p', {}, h('strong', {}, failureOf(target)), ' ', h(
        'span', {class: 'muted'}, text('ping.at_stage', {stage: word('stage', target.stage)}))),
    target.hint ? h('p', {class: 'advice'}, adviceOf([target.reason, target.stage], target.hint))
                : null,
    definitions([
      [text('field.detail'), target.detail && h('span', {lang: 'en'}, target.detail)],
      [text('field.reply'), target.smtp_reply],
      [text('field.source'), target.source],
      [text('field.client_certificate'), clientCertificate(target.client_certificate)],
      [text('field.decided_by'), target.decided_by],
      [text('field.dane'), target.dane && h('span', {lang: 'en'}, target.dane)],
      [text('field.tls'), [target.tls_version, target.cipher].filter(Boolean).join(', ')],
      [text('field.certificate'), certificate?.subject],
      [text('field.issuer'), certificate?.issuer],
      [text('field.names'), certificate?.names.join(', ')],
      [text('field.not_after'), certificate?.not_after ? dateTime(certificate.not_after) : null],
      [text('field.fingerprint'), certificate ? h('span', {class: 'code'}, certificate.fingerprint)
                                              : null],
    ]),
  ].filter((node) => node !== null);
}

// What the server got of this gateway where it asked.
function clientCertificate(certificate) {
  if (!certificate?.asked) return null;
  return certificate.shown === '' ? text('ping.certificate.none') :
                                    text('ping.certificate.shown', {name: certificate.shown});
}

// By its reason of TLS, or else by the stage.
function failureOf({reason, stage}) {
  return reason === '' ? word('failure', stage) : word('reason', reason);
}

// The daemon's advice is English; the page has its own, for the first of `causes` that it knows,
// where it speaks another language.
function adviceOf(causes, english) {
  const own = causes.map((cause) => word('advice', cause)).find((said, i) => said !== causes[i]);
  return own ?? h('span', {lang: 'en'}, english);
}
