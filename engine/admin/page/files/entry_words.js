// The words of an entry's fields (policy/entry.h), and of where and why an attempt failed
// (engine/smtp/stage.h, tls/failure.h), for selections.

import {word} from './language.js';

export const kDirections = ['both', 'inbound', 'outbound'];
export const kModes = ['enforce', 'monitor', 'off'];
export const kLevels = ['encrypt', 'verify', 'secure', 'fingerprint', 'dane-only'];
export const kMinimumVersions = ['1.2', '1.3'];
export const kInboundActions = ['defer', 'reject'];

export const kPings = ['never', 'valid', 'partial', 'invalid', 'warned'];
export const kStages = ['dns', 'connect', 'banner', 'ehlo', 'starttls', 'handshake', 'verify',
                        'post_ehlo', 'mail', 'rcpt', 'data', 'body', 'final'];
export const kReasons = ['not_offered', 'refused', 'plaintext_injected', 'handshake_timeout', 'alert',
                         'version', 'cipher', 'untrusted', 'name_mismatch', 'expired_certificate',
                         'fingerprint_mismatch', 'closed', 'protocol'];

// [value, what it is called] of each.
export function options(group, names) {
  return names.map((name) => [name, word(group, name)]);
}
