// The mails of the suite, each with the attempts to deliver it.

import { get, remove } from "../core/api.js";
import { dialog } from "../core/dialogs.js";
import { h } from "../core/dom.js";
import { ago, words } from "../core/format.js";
import { pagedList } from "../core/lists.js";
import { notify, notifyProblem } from "../core/notices.js";
import { choices, STATUSES, TEMPLATES } from "./kinds.js";
import { panel } from "./panel.js";
import { search } from "./search.js";
import { badge, facts, json, table } from "./tables.js";

const FIELDS = [
  { name: "recipient", label: "Recipient", kind: "search", placeholder: "The whole address" },
  { name: "status", label: "Status", kind: "select", options: choices(STATUSES, "All") },
  { name: "template", label: "Template", kind: "select", options: choices([...TEMPLATES, "digest"], "All") },
];

export default function messages() {
  const columns = [
    ["Mail", (one) => h("button", { type: "button", class: "link", onclick: () => show(one, list.reload) }, words(one.template))],
    ["Recipient", (one) => one.recipient],
    ["Status", (one) => badge(one.status)],
    ["Attempts", (one) => String(one.attempts.length)],
    ["Asked for", (one) => ago(one.created_at)],
  ];
  const { outer, body, row } = table("Messages", columns);
  const list = pagedList({
    list: body,
    outer,
    row,
    read: (cursor) => get("/api/messages", { ...filter.values(), cursor, limit: 25 }),
    empty: () => h("p", { class: "card empty" }, "No message is like that."),
  });
  const filter = search(FIELDS, list.reload);
  list.reload();
  return panel("Messages", filter.element, list.element);
}

function show(message, reload) {
  const isWaiting = ["queued", "retrying"].includes(message.status);
  return dialog(words(message.template), (close) => {
    const cancel = () =>
      remove(`/api/messages/${message.id}`).then(() => notify("The message is cancelled."), notifyProblem).then(close).then(reload);
    return [
      facts({
        Status: badge(message.status),
        Recipient: message.recipient,
        "Asked for": ago(message.created_at),
        "To be sent": message.deliver_at && ago(message.deliver_at),
        "Held until": message.held_until && ago(message.held_until),
        "Part of": message.gathered_into,
        Id: message.id,
      }),
      h("h3", null, "Attempts"),
      attempts(message.attempts),
      h("h3", null, "Context"),
      json(message.context),
      isWaiting && h("div", { class: "buttons" }, h("button", { type: "button", class: "danger", onclick: cancel }, "Cancel this message")),
    ];
  }, { wide: true });
}

function attempts(found) {
  if (!found.length) {
    return h("p", { class: "fact" }, "None yet.");
  }
  return h("ol", { class: "attempts" }, found.map((one) =>
    h("li", null, badge(one.outcome), " ", ago(one.at), one.reason && h("p", { class: "fact" }, [one.reason, one.detail].filter(Boolean).join(": "))),
  ));
}
