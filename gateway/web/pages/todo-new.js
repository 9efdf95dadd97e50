// The line on top of the list that takes a new todo; its details unfold below.

import { onceKey, post } from "../core/api.js";
import { h } from "../core/dom.js";
import { form } from "../core/forms.js";
import { detailFields, toBody } from "./todo-fields.js";

const TITLE = {
  name: "title",
  label: "New todo",
  placeholder: "What has to be done?",
  autocomplete: "off",
  required: true,
};

// `onMade(todo)` hears of each new one.
export function newTodo(onMade) {
  // One key until the todo is made: sending the form again after a lost answer makes no second one.
  let key = onceKey();
  let last = "";
  const send = async (values) => {
    const body = toBody(values);
    const text = JSON.stringify(body);
    key = last && last !== text ? onceKey() : key;
    last = text;
    const { data } = await post("/api/todos", body, { "Idempotency-Key": key });
    [key, last] = [onceKey(), ""];
    onMade(data);
    element.querySelector("input").focus();
  };
  const layout = ([title, ...details]) => [
    title,
    h("details", null, h("summary", null, "Details"), h("div", { class: "pair" }, details)),
  ];
  const element = form({ fields: [TITLE, ...detailFields()], submit: "Add", send, layout, reset: true });
  element.classList.add("new-todo");
  return h("section", { class: "card", "aria-label": "New todo" }, element);
}
