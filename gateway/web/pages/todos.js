// The list of todos: what there is to do.

import { get, patch, post, remove } from "../core/api.js";
import { h } from "../core/dom.js";
import { pagedList } from "../core/lists.js";
import { notify, notifyProblem } from "../core/notices.js";
import { remember } from "../core/router.js";
import { editTodo } from "./todo-edit.js";
import { filters } from "./todo-filters.js";
import { todoItem } from "./todo-item.js";
import { newTodo } from "./todo-new.js";
import { stats } from "./todo-stats.js";

const PAGE = 25;

export default function todos({ query }) {
  const on = { tick, edit, remove: discard, tag: (tag) => filter.set({ tag }) };
  const filter = filters(query, (values) => {
    remember("/todos", values);
    list.reload();
  });
  const numbers = stats((status) => filter.set({ status }));
  const list = pagedList({
    list: h("ul", { class: "todos card", "aria-label": "Todos" }),
    read: (cursor) => get("/api/todos", { ...filter.values(), cursor, limit: PAGE }),
    row: (todo) => todoItem(todo, on),
    empty: () => nothing(filter),
  });

  function reload() {
    numbers.reload();
    return list.reload();
  }

  async function tick(todo, isDone) {
    await patch(`/api/todos/${todo.id}`, { completed: isDone }).then(({ data }) => replace(data), failed);
  }

  const rowOf = (todo) => list.element.querySelector(`[data-id="${todo.id}"]`);

  function replace(todo) {
    const row = rowOf(todo);
    const fresh = todoItem(todo, on);
    const hadFocus = row?.contains(document.activeElement);
    row?.replaceWith(fresh);
    if (hadFocus) {
      fresh.querySelector("input").focus();
    }
    numbers.reload();
  }

  async function edit(todo) {
    const changed = await editTodo(todo);
    if (changed) {
      replace(changed);
    } else if (changed === null) {
      await reload();
    }
  }

  async function discard(todo) {
    try {
      await remove(`/api/todos/${todo.id}`);
    } catch (problem) {
      return failed(problem);
    }
    const restore = () => post(`/api/todos/${todo.id}/restore`).then(reload, notifyProblem);
    notify(`“${todo.title}” is in the trash.`, { action: { label: "Undo", run: restore } });
    const row = rowOf(todo);
    const next = row?.nextElementSibling ?? row?.previousElementSibling;
    row?.remove();
    next?.querySelector("input").focus();
    numbers.reload();
    return next ? null : list.reload();
  }

  function failed(problem) {
    notifyProblem(problem);
    return reload();
  }

  reload();
  return h("div", { class: "stack" }, h("h1", null, "Todos"), newTodo(reload), numbers.element, filter.element, list.element);
}

function nothing(filter) {
  const isFiltered = Object.entries(filter.values()).some(([name, value]) => name !== "sort" && value);
  const clear = () => filter.set({ q: "", status: "", priority: "", tag: "" });
  return h(
    "div",
    { class: "card empty" },
    h("p", null, isFiltered ? "No todo is like that." : "Nothing to do. Write down the first todo above."),
    isFiltered && h("button", { type: "button", class: "quiet", onclick: clear }, "Show all"),
  );
}
