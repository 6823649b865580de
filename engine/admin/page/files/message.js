// One message of the queue, below its row: whence it came, what its sender asks for, and its header as
// it was received.

import {get} from './api.js';
import {h} from './dom.js';
import {text} from './language.js';
import {region} from './region.js';
import {definitions} from './table.js';

export function messageDetail({message_id: id, destination}) {
  const shown = region(
      (signal) => get(`/v1/queue/${id}`, {}, signal),
      ({header, parts}) => [
        facts(parts.find((part) => part.destination === destination) ?? parts[0]),
        h('pre', {class: 'header', tabindex: 0, role: 'region', 'aria-label': text('message.header')},
          header)]);
  shown.refresh();
  return shown.element;
}

function facts(part) {
  const from = part.received_from;
  return definitions([
    [text('message.from'), h('span', {class: 'code'},
                             [from.helo, from.client_address].filter(Boolean).join(' '))],
    [text('message.over'), from.tls_version ? `${from.tls_version}, ${from.cipher}`
                                            : text('message.no_tls')],
    [text('message.asks'), code(parameters({RET: part.ret, ENVID: part.envid}),
                                part.require_tls && 'REQUIRETLS',
                                part.tls_required_no && 'TLS-Required: No')],
    ...part.recipients.map(({address, notify, orcpt}) => [
      text('message.asks_for', {address}), code(parameters({NOTIFY: notify, ORCPT: orcpt}))]),
  ]);
}

// As they stood in the command (RFC 3461).
function parameters(values) {
  return Object.entries(values).filter(([, value]) => value)
      .map(([name, value]) => `${name}=${value}`).join(' ');
}

function code(...words) {
  const shown = words.filter(Boolean).join(' ');
  return shown && h('span', {class: 'code'}, shown);
}
