// The line of filters over a list of the panel.

import { h } from "../core/dom.js";
import { field } from "../core/fields.js";

const TYPING_MS = 250;

// `fields` are as in fields.js. Returns { element, values() }; `onChange()` hears of each change.
export function search(fields, onChange, ...extra) {
  const made = fields.map(field);
  let timer;
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(onChange, TYPING_MS);
  };
  const element = h(
    "form",
    { class: "filters", role: "search", oninput: soon, onsubmit: (event) => event.preventDefault() },
    h("div", { class: "row" }, made.map((one) => one.element), extra),
  );
  return { element, values: () => Object.fromEntries(made.map((one) => [one.name, one.value().trim()])) };
}
