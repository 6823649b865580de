// One message of the queue, below its row: whence it came, and its header as it was received.

import {get} from './api.js';
import {h} from './dom.js';
import {text} from './language.js';
import {region} from './region.js';
import {definitions} from './table.js';

export function messageDetail({message_id: id, destination}) {
  const shown = region(
      (signal) => get(`/v1/queue/${id}`, {}, signal),
      ({header, parts}) => [
        arrival(parts.find((part) => part.destination === destination) ?? parts[0]),
        h('pre', {class: 'header', tabindex: 0, role: 'region', 'aria-label': text('message.header')},
          header)]);
  shown.refresh();
  return shown.element;
}

function arrival({received_from: from}) {
  return definitions([
    [text('message.from'), h('span', {class: 'code'},
                             [from.helo, from.client_address].filter(Boolean).join(' '))],
    [text('message.over'), from.tls_version ? `${from.tls_version}, ${from.cipher}`
                                            : text('message.no_tls')],
  ]);
}
