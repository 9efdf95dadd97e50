// Elements made from data. Text only ever becomes text: nothing here, or anywhere in the app, parses markup.

const PROPERTIES = new Set(["value", "checked", "indeterminate"]);

// h("a", { href: "#/todos", class: "link", onclick: open }, "Todos"): an element with attributes, listeners
// and children. Attributes that are null, undefined or false are left out, and so are such children.
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    set(element, name, value);
  }
  element.append(...present(children));
  return element;
}

// Puts these children in the place of those that an element has.
export function fill(element, ...children) {
  element.replaceChildren(...present(children));
  return element;
}

function set(element, name, value) {
  if (value === null || value === undefined || value === false) {
    return;
  }
  if (name.startsWith("on")) {
    element.addEventListener(name.slice(2), value);
  } else if (PROPERTIES.has(name)) {
    element[name] = value;
  } else {
    element.setAttribute(name, value === true ? "" : value);
  }
}

function present(children) {
  return children.flat(Infinity).filter((one) => one !== null && one !== undefined && one !== false);
}

// A number that no other element's id has, to tie labels and hints to their fields.
let last = 0;
export function freshId(name) {
  last += 1;
  return `${name}-${last}`;
}
