// How the mails read, with sample data.
//
// A mail has its styles inside, which this page's policy forbids. So it is shown in a frame whose page has a
// policy of its own: styles, and nothing else; no script runs in its sandbox. The mail is parsed by that
// frame's own parser and put there as nodes.

import { get } from "../core/api.js";
import { fill, h } from "../core/dom.js";
import { notifyProblem } from "../core/notices.js";
import { choices, TEMPLATES } from "./kinds.js";
import { panel } from "./panel.js";
import { search } from "./search.js";

const FRAME = new URL("../frame/mail.html", import.meta.url).pathname;
const FIELDS = [
  { name: "template", label: "Mail", kind: "select", options: choices(TEMPLATES), value: TEMPLATES[0] },
  { name: "locale", label: "Language", kind: "select", options: [["en", "English"], ["de", "Deutsch"]], value: "en" },
];

export default function templates() {
  const subject = h("p", { class: "subject" });
  const text = h("pre", { tabindex: "0" });
  const frame = h("iframe", { src: FRAME, sandbox: "allow-same-origin", title: "The mail as a page", class: "mail" });
  const filter = search(FIELDS, load);

  async function load() {
    const { template, locale } = filter.values();
    const found = await get(`/api/messages/templates/${template}/preview`, { locale }).catch(notifyProblem);
    if (found) {
      fill(subject, h("span", { class: "fact" }, "Subject: "), found.data.subject);
      fill(text, found.data.text);
      show(frame, found.data.html);
    }
  }

  frame.addEventListener("load", load, { once: true });
  new ResizeObserver(() => fit(frame)).observe(frame);
  return panel("Templates", filter.element, h("section", { class: "card" }, subject, frame), h("details", { class: "card" }, h("summary", null, "As plain text"), text));
}

function show(frame, html) {
  const inside = frame.contentDocument;
  const mail = new frame.contentWindow.DOMParser().parseFromString(html, "text/html");
  inside.replaceChild(inside.importNode(mail.documentElement, true), inside.documentElement);
  fit(frame);
}

// As high as the mail, so that only the page scrolls.
function fit(frame) {
  const body = frame.contentDocument?.body;
  const border = frame.offsetHeight - frame.clientHeight;
  if (body) {
    frame.height = Math.ceil(body.getBoundingClientRect().height) + border;
  }
}
