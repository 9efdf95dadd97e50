// The fields of a todo, for new ones and for changes, and what they mean to the API.

import { fromInput, toInput, words } from "../core/format.js";

export const STATUSES = ["pending", "in_progress", "completed"];
export const PRIORITIES = ["low", "medium", "high"];

const choices = (names) => names.map((name) => [name, words(name)]);

export function detailFields(todo) {
  return [
    { name: "description", label: "Notes", kind: "textarea", value: todo?.description, maxlength: 10_000 },
    { name: "due_at", label: "Due", kind: "datetime-local", value: toInput(todo?.due_at) },
    { name: "priority", label: "Priority", kind: "select", options: choices(PRIORITIES), value: todo?.priority ?? "medium" },
    { name: "tags", label: "Tags", value: todo?.tags.join(", "), hint: "Separated by commas." },
  ];
}

export function editFields(todo) {
  const status = { name: "status", label: "Status", kind: "select", options: choices(STATUSES), value: todo.status };
  return [{ name: "title", label: "Title", value: todo.title, required: true }, status, ...detailFields(todo)];
}

// What the fields hold, as the API wants it.
export function toBody({ due_at, tags, description, ...rest }) {
  return {
    ...rest,
    description: description || null,
    due_at: fromInput(due_at),
    tags: tags.split(",").map((tag) => tag.trim()).filter(Boolean),
  };
}
