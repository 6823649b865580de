// The words of an entry's fields (policy/entry.h), for selections.

import {word} from './language.js';

export const kDirections = ['both', 'inbound', 'outbound'];
export const kModes = ['enforce', 'monitor', 'off'];
export const kLevels = ['encrypt', 'verify', 'secure', 'fingerprint'];
export const kMinimumVersions = ['1.2', '1.3'];
export const kInboundActions = ['defer', 'reject'];

// [value, what it is called] of each.
export function options(group, names) {
  return names.map((name) => [name, word(group, name)]);
}
