// What is around every part of the administrators' panel: the title, the menu, and time going by.

import { h } from "../core/dom.js";
import { ADMIN_PAGES } from "../core/pages.js";
import { current, link } from "../core/router.js";

const EVERY_MS = 5000;

export function panel(title, ...content) {
  const here = current().path;
  const places = ADMIN_PAGES.map(([path, page]) =>
    h("a", { href: link(path), "aria-current": path === here ? "page" : null }, page.title),
  );
  return h("div", { class: "stack" }, h("nav", { class: "tabs", "aria-label": "Administration" }, places), h("h1", null, title), content);
}

// Calls `load()` now, and every few seconds while the page is open and seen. Resolves after the first time.
export async function keepFresh(load, signal) {
  const again = async () => {
    if (!document.hidden) {
      await load().catch(() => null); // the next time may go well; what is shown says when it was true
    }
    if (!signal.aborted) {
      setTimeout(again, EVERY_MS);
    }
  };
  await load();
  setTimeout(again, EVERY_MS);
}
