// How every service is, and what it needs.

import { call } from "../core/api.js";
import { fill, h } from "../core/dom.js";
import { plural, timeOfDay } from "../core/format.js";
import { keepFresh, panel } from "./panel.js";
import { badge } from "./tables.js";

const TOLD = {
  pass: "Everything works.",
  warn: "Everything can work, but something needs a look.",
  fail: "Something does not work.",
};

export default async function health({ signal }) {
  const summary = h("p", { class: "state", role: "status" });
  const at = h("span", { class: "fact" });
  const services = h("div", { class: "grid" });
  const load = async () => {
    const { data } = await call("GET", "/health", { accept: [503] });
    if (data.status !== summary.dataset.status) {
      summary.dataset.status = data.status;
      fill(summary, badge(data.status), ` ${TOLD[data.status]}`);
    }
    fill(at, `Version ${data.version}, checked at ${timeOfDay(data.checked_at)}`);
    fill(services, Object.entries(data.services).map(([name, one]) => service(name, one)));
  };
  await keepFresh(load, signal);
  return panel("Health", h("div", null, summary, at), services);
}

function service(name, { status, latency_ms, instances, dependencies, detail }) {
  const running = instances === null ? "unknown number of instances" : plural(instances, "instance");
  return h(
    "section",
    { class: "card service", "aria-label": name },
    h("h2", null, name, badge(status)),
    h("p", { class: "fact" }, `${running} · answers in ${latency_ms} ms`),
    detail && h("p", { class: "state bad" }, detail),
    h("ul", null, Object.entries(dependencies).map(([needed, one]) => dependency(needed, one))),
  );
}

function dependency(name, { status, latency_ms, detail }) {
  return h(
    "li",
    null,
    h("span", { class: `dot ${status}`, role: "img", "aria-label": status }),
    h("span", null, name, detail && h("span", { class: "fact" }, ` ${detail}`)),
    h("span", { class: "fact" }, `${latency_ms} ms`),
  );
}
