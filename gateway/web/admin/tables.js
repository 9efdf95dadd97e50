// Tables that are cards on a phone: there each cell is told by its column's name.

import { h } from "../core/dom.js";

// `columns` are [[title, (item) => what the cell shows], ...]. Returns { outer, body, row(item) }.
export function table(caption, columns) {
  const heads = columns.map(([title]) => h("th", { scope: "col" }, title));
  const body = h("tbody");
  const outer = h(
    "div",
    { class: "card table" },
    h("table", null, h("caption", { class: "unseen" }, caption), h("thead", null, h("tr", null, heads)), body),
  );
  const row = (item) =>
    h("tr", null, columns.map(([title, cell]) => h("td", { "data-label": title }, h("div", null, cell(item)))));
  return { outer, body, row };
}

const KINDS = {
  pass: "good", warn: "warn", fail: "bad", silent: "bad",
  sent: "good", queued: "running", retrying: "warn", dead: "bad", failed: "bad",
};

export function badge(status) {
  return h("span", { class: `badge ${KINDS[status] ?? ""}` }, status);
}

export function json(value) {
  return h("pre", { tabindex: "0" }, typeof value === "string" ? value : JSON.stringify(value, null, 2));
}

// { Name: value, ... } as a list of descriptions; what is null is left out.
export function facts(found) {
  const known = Object.entries(found).filter(([, value]) => value !== null && value !== undefined);
  return h("dl", { class: "known" }, known.map(([name, value]) => [h("dt", null, name), h("dd", null, value)]));
}
