// Elements, made without any text being parsed as HTML: what came from the network becomes text
// nodes and attributes, and nothing else.
//
//   h('button', {type: 'button', class: 'quiet', disabled: false, onclick: save}, text('save'))
//   svg('circle', {cx: 1, cy: 2, r: 3})
//
// An attribute that is null, undefined or false is left out, one that is true stands without a
// value, and one that begins with "on" is a listener. Children are nodes, texts, numbers, arrays of
// these, or null.

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) {
      element.addEventListener(name.slice(2), value);
    } else {
      element.setAttribute(name, value === true ? '' : value);
    }
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null &&
                                                              child !== undefined));
  return element;
}

export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
}

// Runs `change`, which puts other elements in place of those of `container`. Where one of them had
// the keyboard's focus, the new one with the same data-focus gets it.
export function keepingFocus(container, change) {
  const focused = container.contains(document.activeElement) ? document.activeElement : null;
  const key = focused?.dataset.focus;
  change();
  if (key) container.querySelector(`[data-focus="${CSS.escape(key)}"]`)?.focus();
}

// Says something to those who do not see it appear.
export function announce(message) {
  document.getElementById('announcements').textContent = message;
}

let lastId = 0;
export function newId() {
  lastId += 1;
  return `id${lastId}`;
}
