// Messages at the edge of the page, read out by screen readers: done, refused, undo?

import { fill, h } from "./dom.js";
import { Problem } from "./http.js";
import { icon } from "./icons.js";

const SHOWN_MS = 6000;
const MOST = 3;

// Shows a message for a while; one about an error stays until it is closed. `action` is { label, run }.
export function notify(text, { kind = "info", action } = {}) {
  const box = document.getElementById("notices");
  const close = () => notice.remove();
  const notice = h(
    "div",
    { class: `notice ${kind}` },
    h("p", null, text),
    action && button(action, close),
    h("button", { type: "button", class: "bare", "aria-label": "Close this message", onclick: close }, icon("close")),
  );
  const same = [...box.children].filter((one) => one.textContent === notice.textContent);
  same.forEach((one) => one.remove());
  fill(box, [...box.children].slice(1 - MOST), notice);
  if (kind !== "error") {
    setTimeout(close, SHOWN_MS);
  }
}

// What a call was refused with.
export function notifyProblem(problem) {
  if (!(problem instanceof Problem)) {
    throw problem; // no refusal of the server but a mistake of ours, which belongs into the console
  }
  if (problem.code === "invalid_refresh_token") {
    return; // the session has ended, which has been told already
  }
  const first = Object.values(problem.errors ?? {})[0]?.[0];
  notify(first ? `${problem.told} ${first}` : problem.told, { kind: "error" });
}

function button({ label, run }, close) {
  const click = () => {
    close();
    run();
  };
  return h("button", { type: "button", class: "bare strong", onclick: click }, label);
}
