// The frame of the pages that ask one thing.

import { h } from "../core/dom.js";
import { link } from "../core/router.js";

export function card(title, intro, ...content) {
  return h("section", { class: "card narrow" }, h("h1", null, title), intro && h("p", { class: "intro" }, intro), ...content);
}

// Links to the other pages of that kind: [["/login", "Log in"], ...].
export function elsewhere(...links) {
  return h("p", { class: "elsewhere" }, links.map(([path, text]) => h("a", { href: link(path) }, text)));
}
