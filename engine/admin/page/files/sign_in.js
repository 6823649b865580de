// The form that asks for the token once.

import {setToken} from './api.js';
import {h, newId} from './dom.js';
import {text} from './language.js';
import {reasonOf} from './region.js';

// `enter` goes on with the token; ApiError when it is not taken. `message` says why it is asked for
// again.
export function showSignIn(main, message, enter) {
  const id = newId();
  const hint = newId();
  const input = h('input', {id, type: 'password', required: true, autocomplete: 'off',
                            spellcheck: 'false', 'aria-describedby': hint});
  const button = h('button', {class: 'primary'}, text('sign_in'));
  const problem = h('div', {role: 'alert'}, message ? h('p', {class: 'notice'}, message) : null);

  async function submit(event) {
    event.preventDefault();
    setToken(input.value.trim());
    button.disabled = true;
    try {
      await enter();
    } catch (error) {
      button.disabled = false;
      problem.replaceChildren(h('p', {class: 'notice bad'}, error.status === 401 ?
          text('sign_in.wrong') : reasonOf(error)));
      input.setAttribute('aria-invalid', 'true');
      input.select();
    }
  }

  main.append(h('form', {class: 'card sign-in', onsubmit: submit},
                h('h1', {}, text('sign_in.title')), problem,
                h('div', {class: 'field'}, h('label', {for: id}, text('sign_in.token')), input,
                  h('p', {class: 'hint', id: hint}, text('sign_in.hint'))),
                h('footer', {}, button)));
  input.focus();
}
