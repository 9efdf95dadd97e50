// Deleted todos, which can be taken back for 30 days.

import { get, post } from "../core/api.js";
import { h } from "../core/dom.js";
import { ago } from "../core/format.js";
import { icon } from "../core/icons.js";
import { pagedList } from "../core/lists.js";
import { notify, notifyProblem } from "../core/notices.js";

export default function trash() {
  const list = pagedList({
    list: h("ul", { class: "todos card", "aria-label": "Trash" }),
    read: (cursor) => get("/api/todos/trash", { cursor, limit: 25 }),
    row: (todo) => row(todo, restore),
    empty: () => h("div", { class: "card empty" }, h("p", null, "The trash is empty.")),
  });

  async function restore(todo) {
    await post(`/api/todos/${todo.id}/restore`).then(
      () => notify(`“${todo.title}” is back on your list.`),
      notifyProblem,
    );
    return list.reload();
  }

  list.reload();
  const intro = h("p", { class: "intro" }, "What you delete stays here for 30 days.");
  return h("div", { class: "stack" }, h("h1", null, "Trash"), intro, list.element);
}

function row(todo, restore) {
  const button = { type: "button", class: "quiet", "aria-label": `Restore: ${todo.title}`, onclick: () => restore(todo) };
  return h(
    "li",
    { class: "todo" },
    h(
      "div",
      { class: "what" },
      h("p", { class: "title" }, todo.title),
      h("div", { class: "facts" }, h("span", { class: "fact" }, "Deleted ", ago(todo.deleted_at))),
    ),
    h("div", { class: "tools" }, h("button", button, icon("restore"), "Restore")),
  );
}
