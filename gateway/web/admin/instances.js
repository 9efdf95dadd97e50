// The processes of every service, as their signs of life tell.

import { get } from "../core/api.js";
import { fill } from "../core/dom.js";
import { ago } from "../core/format.js";
import { keepFresh, panel } from "./panel.js";
import { badge, table } from "./tables.js";

const COLUMNS = [
  ["Service", (one) => one.service],
  ["Instance", (one) => one.instance],
  ["Status", (one) => badge(one.status)],
  ["Port", (one) => one.http_port ?? "–"],
  ["Version", (one) => one.version],
  ["Started", (one) => ago(one.started_at)],
  ["Last seen", (one) => ago(one.last_seen_at)],
  ["Breakers", (one) => breakers(one.breakers)],
];

export default async function instances({ signal }) {
  const { outer, body, row } = table("Running instances", COLUMNS);
  const load = async () => {
    const { data } = await get("/api/services");
    fill(body, data.map(row));
  };
  await keepFresh(load, signal);
  return panel("Instances", outer);
}

// Those that are not closed are what one wants to know of.
function breakers(found) {
  const open = Object.entries(found).filter(([, state]) => state !== "closed");
  return open.length ? open.map(([name, state]) => `${name}: ${state}`).join(", ") : "all closed";
}
