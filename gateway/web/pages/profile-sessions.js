// The sessions of the account, each with a way to end it.

import { get, remove } from "../core/api.js";
import { isMeant } from "../core/dialogs.js";
import { fill, h } from "../core/dom.js";
import { ago } from "../core/format.js";
import { notify, notifyProblem } from "../core/notices.js";
import { go } from "../core/router.js";
import { logOut } from "../core/session.js";

const BROWSERS = [/Edg\//, "Edge", /OPR\//, "Opera", /Firefox\//, "Firefox", /Chrome\//, "Chrome", /Safari\//, "Safari"];
const SYSTEMS = [/Android/, "Android", /iPhone|iPad/, "iOS", /Windows/, "Windows", /Mac OS/, "macOS", /Linux/, "Linux"];

export async function sessions(signal) {
  const list = h("ul", { class: "sessions" });
  const load = async () => {
    const { data } = await get("/api/auth/sessions");
    if (!signal.aborted) {
      fill(list, data.map((one) => row(one, end)));
    }
  };
  const end = (one) =>
    remove(`/api/auth/sessions/${one.id}`)
      .then(() => notify("That session is ended."))
      .then(load)
      .catch(notifyProblem);
  await load();
  const everywhere = h("button", { type: "button", class: "quiet", onclick: endAll }, "Log out everywhere");
  return [list, h("div", { class: "buttons" }, everywhere)];
}

async function endAll() {
  if (await isMeant("Log out everywhere?", "This browser is logged out, too.", "Log out everywhere")) {
    await logOut("/api/auth/logout-all");
    go("/login");
    location.reload();
  }
}

function row(one, end) {
  const name = device(one.user_agent);
  return h(
    "li",
    null,
    h(
      "div",
      { class: "what" },
      h("p", { class: "title", title: one.user_agent }, name, one.current && h("span", { class: "badge good" }, "This one")),
      h("div", { class: "facts" }, h("span", { class: "fact" }, `${one.ip || "Unknown address"} · since `, ago(one.created_at), " · used ", ago(one.last_used_at))),
    ),
    !one.current && h("button", { type: "button", class: "quiet", "aria-label": `Log out: ${name}`, onclick: () => end(one) }, "Log out"),
  );
}

// "Firefox on Linux", or the beginning of what a program calls itself.
function device(agent) {
  const browser = first(BROWSERS, agent);
  const system = first(SYSTEMS, agent);
  return browser && system ? `${browser} on ${system}` : agent.slice(0, 40) || "Unknown device";
}

function first(pairs, agent) {
  const place = pairs.findIndex((one) => one instanceof RegExp && one.test(agent));
  return pairs[place + 1] instanceof RegExp ? null : pairs[place + 1];
}
