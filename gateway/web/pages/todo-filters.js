// What of the list is shown, and in which order. The address has it, too: it survives a reload.

import { h } from "../core/dom.js";
import { field } from "../core/fields.js";
import { words } from "../core/format.js";
import { PRIORITIES, STATUSES } from "./todo-fields.js";

const TYPING_MS = 250;
const all = (names) => [["", "All"], ...names.map((name) => [name, words(name)])];

const FIELDS = [
  { name: "q", label: "Search", kind: "search", maxlength: 200, placeholder: "Words in title or notes" },
  { name: "status", label: "Status", kind: "select", options: all(STATUSES) },
  { name: "priority", label: "Priority", kind: "select", options: all(PRIORITIES) },
  { name: "tag", label: "Tag", kind: "search", maxlength: 50 },
  {
    name: "sort",
    label: "Order",
    kind: "select",
    options: [
      ["", "Newest first"],
      ["created_at", "Oldest first"],
      ["due_at", "Due first"],
      ["-priority", "Important first"],
      ["title", "By title"],
      ["-updated_at", "Last changed first"],
    ],
  },
];

// `query` is what the address has, `onChange(values)` hears of each change.
// Returns { element, values(), set(values) }.
export function filters(query, onChange) {
  const made = FIELDS.map((one) => field({ ...one, value: query.get(one.name) ?? "" }));
  const values = () => Object.fromEntries(made.map((one) => [one.name, one.value().trim()]));
  let timer;
  const soon = ({ target }) => {
    clearTimeout(timer);
    timer = setTimeout(() => onChange(values()), target.type === "search" ? TYPING_MS : 0);
  };
  const [search, ...rest] = made.map((one) => one.element);
  const isSet = made.slice(1).some((one) => one.value());
  const isRoomy = matchMedia("(min-width: 641px)").matches;
  const element = h(
    "form",
    { class: "filters", role: "search", "aria-label": "Todos", oninput: soon, onsubmit: (event) => event.preventDefault() },
    search,
    h("details", { open: isSet || isRoomy }, h("summary", null, "Filter and order"), h("div", { class: "row" }, rest)),
  );
  const set = (wanted) => {
    made.forEach((one) => {
      one.control.value = wanted[one.name] ?? one.control.value;
    });
    onChange(values());
  };
  return { element, values, set };
}
