// The certificates that the gateway shows, to clients and to servers: what a partner asks for, ready
// to be copied.

import {actionButton} from './action.js';
import {get, send} from './api.js';
import {announce, h} from './dom.js';
import {dateTime, text} from './language.js';
import {reasonOf, region} from './region.js';
import {definitions} from './table.js';

const kSoonDays = 30;

export function showCertificates(main, session) {
  const list = region((signal) => get('/v1/certificates', {}, signal), ({certificates}) =>
      certificates.length === 0 ? [h('p', {class: 'empty'}, text('certificates.none'))]
                                : certificates.map(card));
  const fault = h('div', {role: 'alert'});

  async function reload() {
    fault.replaceChildren();
    try {
      await send('POST', '/v1/certificates:reload');
      announce(text('certificates.reloaded'));
    } catch (error) {
      fault.replaceChildren(h('p', {class: 'notice bad'}, reasonOf(error)));
    }
    await list.refresh();
  }

  main.append(
      h('div', {class: 'toolbar'}, h('p', {class: 'muted'}, text('certificates.about')),
        h('div', {class: 'buttons'},
          actionButton(session, {label: text('certificates.reload'), kind: 'plain',
                                 action: reload}))),
      fault, list.element);
  list.refresh();
  return list.stop;
}

// What stands on the card and goes to the clipboard: [name, text].
function facts(certificate) {
  return [
    [text('field.common_name'), certificate.common_name],
    [text('field.names'), certificate.subject_alternative_names.join(', ')],
    [text('field.organization'), certificate.organization],
    [text('field.location'), certificate.location],
    [text('field.serial_number'), certificate.serial_number],
    [text('field.issuer'), certificate.issuer],
    [text('field.not_before'), dateTime(certificate.not_before)],
    [text('field.not_after'), dateTime(certificate.not_after)],
    [text('field.signature_algorithm'), certificate.signature_algorithm],
    [text('field.key'), certificate.key],
    [text('field.fingerprint_certificate'), certificate.fingerprint_sha256],
    [text('field.fingerprint_key'), certificate.key_fingerprint_sha256],
    [text('field.chain'), certificate.chain.map(({subject}) => subject).join(' ← ')],
  ].filter(([, value]) => value !== '');
}

const kInCode = new Set(['field.serial_number', 'field.fingerprint_certificate',
                         'field.fingerprint_key']);

function card(certificate) {
  const code = new Set([...kInCode].map((key) => text(key)));
  const copy = h('button', {type: 'button', class: 'quiet', onclick: async () => {
    await navigator.clipboard.writeText(
        facts(certificate).map(([name, value]) => `${name}: ${value}\n`).join(''));
    announce(text('copied'));
    copy.textContent = text('copied');
  }}, text('copy'));
  const kept = navigator.clipboard === undefined ? null : copy;  // there only over HTTPS, or locally
  return h('section', {class: 'card'},
           h('header', {}, h('h2', {}, certificate.common_name || certificate.file), daysLeft(
               certificate.days_left), kept),
           h('p', {class: 'muted small'}, certificate.purpose === 'client' ?
               text('certificates.client', {name: certificate.name}) : text('certificates.server')),
           h('p', {class: 'muted small code'}, certificate.file),
           definitions(facts(certificate).map(([name, value]) => [
             name, code.has(name) ? h('span', {class: 'code'}, value) : value])));
}

function daysLeft(days) {
  const kind = days < 0 ? 'bad' : days < kSoonDays ? 'warn' : 'good';
  return h('span', {class: `badge ${kind}`},
           days < 0 ? text('certificates.expired') : text('certificates.days', {count: days}));
}
