// A time as people ask for it, "in 5 minutes", and exactly in its title.

import {h} from './dom.js';
import {dateTime, relativeTime} from './language.js';

export function moment(iso, attributes = {}) {
  return h('time', {...attributes, datetime: iso, title: dateTime(iso)}, relativeTime(iso));
}
