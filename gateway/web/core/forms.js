// Forms that are sent by script: what the server has against a field is shown beside it, the rest on top.

import { fill, h } from "./dom.js";
import { field } from "./fields.js";
import { Problem } from "./http.js";

// `fields` are as in fields.js; `send(values)` returns a promise; `submit` is the button's text. What it is
// refused with is told in the form. Returns the <form>.
export function form({ fields, submit, send, layout = (all) => all, extra, danger = false, reset = false }) {
  const made = fields.map(field);
  const alert = h("div", { class: "alert", role: "alert" });
  const button = h("button", { class: danger ? "danger" : "primary" }, submit);
  const element = h(
    "form",
    { novalidate: true, class: "form" },
    alert,
    layout(made.map((one) => one.element)),
    h("div", { class: "buttons" }, button, extra),
  );
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    clear(made, alert);
    if (button.disabled || isIncomplete(made)) {
      return;
    }
    button.disabled = true;
    try {
      const wait = await attempt(made, alert, send);
      if (reset && wait === null) {
        element.reset();
      }
      await countDown(button, submit, wait ?? 0);
    } finally {
      button.disabled = false;
    }
  });
  return element;
}

// Resolves to null if it went well, else to the seconds after which it may be tried again.
async function attempt(made, alert, send) {
  try {
    await send(Object.fromEntries(made.map((one) => [one.name, one.value()])));
    return null;
  } catch (problem) {
    if (!(problem instanceof Problem)) {
      throw problem;
    }
    tell(problem, made, alert);
    return problem.retryAfter;
  }
}

function isIncomplete(made) {
  const missing = made.filter((one) => one.isMissing());
  missing.forEach((one) => one.refuse("Please fill this in."));
  missing[0]?.control.focus();
  return missing.length > 0;
}

function tell(problem, made, alert) {
  const rest = [];
  for (const [path, messages] of Object.entries(problem.errors ?? {})) {
    const one = made.find(({ name }) => path === name || path.startsWith(`${name}.`));
    one ? one.refuse(messages.join(" ")) : rest.push(`${path}: ${messages.join(" ")}`);
  }
  const first = made.find((one) => one.element.classList.contains("refused"));
  if (!first || rest.length) {
    fill(alert, h("p", null, [problem.told, ...rest].join(" ")));
  }
  first?.control.focus();
}

function clear(made, alert) {
  fill(alert);
  made.forEach((one) => one.refuse(""));
}

// 429 and 503 say after how long it makes sense to try again: until then the button says so, too.
async function countDown(button, text, seconds) {
  for (let left = Math.min(seconds, 3600); left > 0; left -= 1) {
    fill(button, `${text} (in ${left} s)`);
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  fill(button, text);
}
