// Dialogs over the page. The browser's own <dialog> keeps the focus inside and closes on Escape.

import { fill, freshId, h } from "./dom.js";
import { icon } from "./icons.js";

// Shows `content(close)` under a title; resolves with what `close` was called with, undefined for Escape.
export function dialog(title, content, { wide = false } = {}) {
  const id = freshId("dialog");
  const element = h("dialog", { class: wide ? "wide" : "", "aria-labelledby": id });
  return new Promise((resolve) => {
    let result;
    const close = (value) => {
      result = value;
      element.close();
    };
    const x = h("button", { type: "button", class: "bare", "aria-label": "Close", onclick: () => close() }, icon("close"));
    fill(element, h("header", null, h("h2", { id }, title), x), content(close));
    element.addEventListener("close", () => {
      element.remove();
      resolve(result);
    });
    element.addEventListener("click", (event) => event.target === element && close());
    document.body.append(element);
    element.showModal();
    if (!element.querySelector("[autofocus]")) {
      element.querySelector("form input, form select, form textarea")?.focus();
    }
  });
}

// Asks before something is done that can't be undone; resolves to whether it is meant.
export function isMeant(title, text, action) {
  return dialog(title, (close) => [
    h("p", null, text),
    h(
      "div",
      { class: "buttons" },
      h("button", { type: "button", class: "danger", onclick: () => close(true) }, action),
      h("button", { type: "button", class: "quiet", autofocus: true, onclick: () => close(false) }, "Cancel"),
    ),
  ]).then(Boolean);
}
