// Fields of forms: a label, the control, a hint, and a place beside it for what is wrong with it.

import { fill, freshId, h } from "./dom.js";

// { name, label, kind, hint, required, options, ...attributes of the control }; `kind` is "text", "textarea",
// "select", "checkbox", or any other type of <input>. Returns { name, element, control, value(), refuse() }.
export function field({ name, label, kind = "text", hint, required, options, value, ...more }) {
  const id = freshId(name);
  const wrong = h("p", { class: "wrong", id: `${id}-wrong` });
  const told = hint && h("p", { class: "hint", id: `${id}-hint` }, hint);
  const described = [hint && `${id}-hint`, `${id}-wrong`].filter(Boolean).join(" ");
  const common = { id, name, "aria-describedby": described, "aria-required": required ? "true" : null, ...more };
  const control = make(kind, common, options, value);
  const caption = h("label", { for: id }, label);
  const element = h(
    "div",
    { class: kind === "checkbox" ? "field tick" : "field" },
    kind === "checkbox" ? [control, caption] : [caption, control],
    told,
    wrong,
  );
  const refuse = (message) => {
    fill(wrong, message);
    control.toggleAttribute("aria-invalid", Boolean(message));
    element.classList.toggle("refused", Boolean(message));
  };
  control.addEventListener("input", () => refuse(""));
  return { name, element, control, refuse, isMissing: () => required && !read(control).trim(), value: () => read(control) };
}

function make(kind, attributes, options, value) {
  if (kind === "select") {
    const choices = options.map(([key, text]) => h("option", { value: key, selected: key === value }, text));
    return h("select", attributes, choices);
  }
  if (kind === "textarea") {
    return h("textarea", { rows: 4, ...attributes, value: value ?? "" });
  }
  if (kind === "checkbox") {
    return h("input", { type: kind, ...attributes, checked: value });
  }
  return h("input", { type: kind, ...attributes, value: value ?? "" });
}

function read(control) {
  return control.type === "checkbox" ? control.checked : control.value;
}
