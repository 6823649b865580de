// A button that changes something. Whoever may only read finds it disabled, and is told why.
//
//   actionButton(session, {label: text('edit'), subject: '*.example.com', focus: 'edit:…', action})

import {h} from './dom.js';
import {text} from './language.js';

// `subject`: what it acts on, for those who hear the button alone. `focus`: by which it is found
// again when its list was shown anew. `kind`: 'quiet' within a list, 'plain' or 'primary' above it.
export function actionButton(session, {label, subject, focus, action, kind = 'quiet'}) {
  const readOnly = session.role === 'read';
  return h('button', {
    type: 'button', class: kind,
    'aria-label': subject ? `${label}: ${subject}` : null, 'data-focus': focus, disabled: readOnly,
    title: readOnly ? text('read_only.short') : null,
    'aria-describedby': readOnly ? 'read-only' : null, onclick: action,
  }, label);
}
