// The accounts: find one, give it a role, log it out, close it and open it again.

import { get, patch, remove } from "../core/api.js";
import { isMeant } from "../core/dialogs.js";
import { h } from "../core/dom.js";
import { ago, plural } from "../core/format.js";
import { pagedList } from "../core/lists.js";
import { notify, notifyProblem } from "../core/notices.js";
import { panel } from "./panel.js";
import { search } from "./search.js";
import { table } from "./tables.js";

const FIELDS = [
  { name: "q", label: "Name or address", kind: "search", maxlength: 100 },
  { name: "role", label: "Role", kind: "select", options: [["", "All"], ["user", "Users"], ["admin", "Administrators"]] },
];

export default function users({ app }) {
  const total = h("p", { class: "fact", role: "status" });
  const columns = [
    ["Name", (one) => h("span", null, one.name, one.disabled && h("span", { class: "badge bad" }, "Disabled"))],
    ["Address", (one) => h("span", null, one.email, !one.email_verified && h("span", { class: "fact" }, " not confirmed"))],
    ["Since", (one) => ago(one.created_at)],
    ["Role", (one) => roleOf(one, app.user, change)],
    ["", (one) => (one.id === app.user.id ? h("span", { class: "fact" }, "You") : [loggingOut(one), closing(one, change)])],
  ];
  const { outer, body, row } = table("Users", columns);
  const list = pagedList({
    list: body,
    outer,
    row,
    read: (cursor) => get("/api/users", { ...filter.values(), cursor, limit: 25, count: "true" }),
    empty: () => h("p", { class: "card empty" }, "No user is like that."),
    onTotal: (count) => {
      total.textContent = plural(count, "user");
    },
  });
  const filter = search(FIELDS, list.reload);

  async function change(user, changes, question) {
    if (await isMeant(question, "They are logged out everywhere by it.", "Yes, do it")) {
      await patch(`/api/users/${user.id}`, changes).then(() => notify(`${user.name} is changed.`), notifyProblem);
    }
    return list.reload();
  }

  list.reload();
  return panel("Users", filter.element, total, list.element);
}

function roleOf(user, me, change) {
  if (user.id === me.id) {
    return user.role;
  }
  const select = h(
    "select",
    { "aria-label": `Role of ${user.name}`, onchange: () => change(user, { role: select.value }, `Make ${user.name} ${select.value === "admin" ? "an administrator" : "a user"}?`) },
    ["user", "admin"].map((role) => h("option", { value: role, selected: role === user.role }, role)),
  );
  return select;
}

function loggingOut(user) {
  const onclick = async () => {
    if (await isMeant(`Log ${user.name} out?`, "All sessions end, on every device.", "Yes, do it")) {
      await remove(`/api/users/${user.id}/sessions`).then(() => notify(`${user.name} is logged out.`), notifyProblem);
    }
  };
  return h("button", { type: "button", class: "quiet", "aria-label": `Log ${user.name} out`, onclick }, "Log out");
}

function closing(user, change) {
  const word = user.disabled ? "Enable" : "Disable";
  const onclick = () => change(user, { disabled: !user.disabled }, `${word} ${user.name}?`);
  return h("button", { type: "button", class: user.disabled ? "quiet" : "danger quiet", "aria-label": `${word} ${user.name}`, onclick }, word);
}
