// What could not be delivered: look into it, send it again, or give it up.

import { get, post, remove } from "../core/api.js";
import { dialog, isMeant } from "../core/dialogs.js";
import { h } from "../core/dom.js";
import { ago, plural, words } from "../core/format.js";
import { pagedList } from "../core/lists.js";
import { notify, notifyProblem } from "../core/notices.js";
import { choices, TEMPLATES } from "./kinds.js";
import { panel } from "./panel.js";
import { search } from "./search.js";
import { facts, json, table } from "./tables.js";

const PATH = "/api/messages/dead-letters";
const FIELDS = [
  { name: "reason", label: "Reason", kind: "search", placeholder: "Such as rejected" },
  { name: "template", label: "Template", kind: "select", options: choices(TEMPLATES, "All") },
];

export default function deadLetters() {
  const columns = [
    ["Reason", (one) => h("button", { type: "button", class: "link", onclick: () => inspect(one) }, one.reason)],
    ["Mail", (one) => (one.template ? words(one.template) : "–")],
    ["Recipient", (one) => one.recipient ?? "–"],
    ["Attempts", (one) => String(one.attempts)],
    ["Died", (one) => ago(one.died_at)],
  ];
  const { outer, body, row } = table("Dead letters", columns);
  const list = pagedList({
    list: body,
    outer,
    row,
    read: (cursor) => get(PATH, { ...filter.values(), cursor, limit: 25 }),
    empty: () => h("p", { class: "card empty" }, "There is no dead letter: everything could be delivered."),
  });
  const replayAll = h("button", { type: "button", class: "quiet", onclick: () => replayMatching() }, "Replay all of these");
  const filter = search(FIELDS, list.reload, h("div", { class: "field end" }, replayAll));

  async function replayMatching() {
    const wanted = Object.fromEntries(Object.entries(filter.values()).filter(([, value]) => value));
    const text = Object.keys(wanted).length ? "All that match the filter are sent again." : "Every dead letter is sent again.";
    if (await isMeant("Replay all of these?", text, "Replay")) {
      const told = ({ data }) => {
        const stay = data.not_replayed ? ` ${plural(data.not_replayed, "message")} can't be sent again.` : "";
        notify(`${plural(data.replayed, "message")} on the way again.${stay}`);
      };
      await post(`${PATH}/replay`, wanted).then(told, notifyProblem);
      list.reload();
    }
  }

  async function inspect({ id }) {
    const found = await get(`${PATH}/${id}`).catch(notifyProblem);
    const action = found && (await dialog(`Dead letter: ${found.data.reason}`, (close) => letter(found.data, close), { wide: true }));
    if (action === "replay") {
      await post(`${PATH}/${id}/replay`, {}).then(() => notify("The message is on its way again."), notifyProblem);
    } else if (action === "delete") {
      await remove(`${PATH}/${id}`).then(() => notify("The dead letter is deleted."), notifyProblem);
    }
    return action && list.reload();
  }

  list.reload();
  return panel("Dead letters", filter.element, list.element);
}

function letter(found, close) {
  return [
    facts({
      Detail: found.detail,
      Mail: found.template && words(found.template),
      Recipient: found.recipient,
      Queue: found.queue,
      Attempts: String(found.attempts),
      "First failed": found.first_failed_at && ago(found.first_failed_at),
      Died: ago(found.died_at),
      Message: found.message_id,
    }),
    h("h3", null, `Payload (${plural(found.bytes, "byte")})`),
    json(found.payload),
    h(
      "div",
      { class: "buttons" },
      h("button", { type: "button", class: "primary", onclick: () => close("replay") }, "Replay"),
      h("button", { type: "button", class: "danger quiet", onclick: () => close("delete") }, "Delete"),
    ),
  ];
}
