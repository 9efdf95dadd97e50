// One todo in the list: tick it off, change it, throw it away.

import { h } from "../core/dom.js";
import { ago, moment, words } from "../core/format.js";
import { icon } from "../core/icons.js";

// `on` has what is to happen: { tick(todo, isDone), edit(todo), remove(todo), tag(name) }.
export function todoItem(todo, on) {
  const tick = h("input", {
    type: "checkbox",
    class: "round",
    checked: todo.completed,
    "aria-label": `Done: ${todo.title}`,
    onchange: () => on.tick(todo, tick.checked),
  });
  return h(
    "li",
    { class: `todo ${todo.status}`, "data-id": todo.id },
    tick,
    h(
      "div",
      { class: "what" },
      h("p", { class: "title" }, todo.title),
      todo.description && h("p", { class: "notes" }, todo.description),
      facts(todo, on),
    ),
    h(
      "div",
      { class: "tools" },
      tool("edit", `Edit: ${todo.title}`, () => on.edit(todo)),
      tool("trash", `Delete: ${todo.title}`, () => on.remove(todo)),
    ),
  );
}

function facts(todo, on) {
  const isLate = !todo.completed && todo.due_at && new Date(todo.due_at) < new Date();
  const found = [
    todo.status === "in_progress" && h("span", { class: "badge running" }, "In progress"),
    todo.priority !== "medium" && h("span", { class: `badge ${todo.priority}` }, `${words(todo.priority)} priority`),
    todo.completed
      ? h("span", { class: "fact" }, "Done ", ago(todo.completed_at))
      : todo.due_at && due(todo, isLate),
    todo.tags.map((tag) => h("button", { type: "button", class: "tag", title: `Only todos tagged ${tag}`, onclick: () => on.tag(tag) }, tag)),
  ].flat().filter(Boolean);
  return found.length > 0 && h("div", { class: "facts" }, found);
}

function due(todo, isLate) {
  return h("span", { class: isLate ? "fact late" : "fact" }, icon("clock"), isLate ? "Overdue: " : "Due ", moment(todo.due_at));
}

export function tool(name, label, onclick) {
  return h("button", { type: "button", class: "bare", "aria-label": label, title: label.split(":")[0], onclick }, icon(name));
}
