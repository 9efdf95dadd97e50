// The todos in numbers. The first three show what they count.

import { get } from "../core/api.js";
import { fill, h } from "../core/dom.js";
import { number } from "../core/format.js";

// `show(status)` filters the list. Returns { element, reload() }.
export function stats(show) {
  const element = h("div", { class: "stats", "aria-label": "Your todos in numbers", role: "group" });
  const reload = async () => {
    const { data } = await get("/api/todos/stats").catch(() => ({ data: null }));
    if (data) {
      fill(element, tiles(data, show)); // a side show: the list itself says what is wrong
    }
  };
  return { element, reload };
}

function tiles(found, show) {
  const { pending, in_progress, completed } = found.by_status;
  return [
    tile("Pending", pending, () => show("pending")),
    tile("In progress", in_progress, () => show("in_progress")),
    tile("Completed", completed, () => show("completed")),
    tile("Due today", found.due_today),
    tile("Overdue", found.overdue, null, found.overdue > 0 ? "late" : ""),
  ];
}

function tile(name, count, onclick, more = "") {
  const inside = [h("b", null, number(count)), h("span", null, name)];
  return onclick
    ? h("button", { type: "button", class: `tile ${more}`, onclick }, inside)
    : h("div", { class: `tile ${more}` }, inside);
}
