// Dialogs: the browser's own, which keep the keyboard's focus inside, close on Escape, and give the
// focus back; also to a button that a list which was shown anew has in the place of the old one.
//
//   const dialog = openDialog(text('entry.add'), [form]);
//   dialog.close();
//   if (await confirmed({title: …, message: …, action: text('delete')})) …

import {h, newId} from './dom.js';
import {text} from './language.js';

// `onClose` is called however it is closed.
export function openDialog(title, children, {onClose = () => {}} = {}) {
  const id = newId();
  const opener = document.activeElement?.dataset.focus;
  const dialog = h('dialog', {'aria-labelledby': id},
                   h('header', {}, h('h2', {id}, title),
                     h('button', {type: 'button', class: 'quiet close', 'aria-label': text('close'),
                                  onclick: () => dialog.close()}, '×')),
                   children);
  dialog.addEventListener('close', () => {
    dialog.remove();
    if (opener && document.activeElement === document.body) {
      document.querySelector(`[data-focus="${CSS.escape(opener)}"]`)?.focus();
    }
    onClose();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

// Whether the reader agrees; the focus is on what does nothing.
export function confirmed({title, message, action}) {
  return new Promise((resolve) => {
    let agreed = false;
    const agree = () => {
      agreed = true;
      dialog.close();
    };
    const cancel = h('button', {type: 'button', onclick: () => dialog.close()}, text('cancel'));
    const dialog = openDialog(title, [
      h('p', {}, message),
      h('footer', {}, cancel, h('button', {type: 'button', class: 'danger', onclick: agree}, action)),
    ], {onClose: () => resolve(agreed)});
    cancel.focus();
  });
}
