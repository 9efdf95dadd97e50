// The broker's queues: how full, how many consumers, how fast.

import { get } from "../core/api.js";
import { fill } from "../core/dom.js";
import { number } from "../core/format.js";
import { keepFresh, panel } from "./panel.js";
import { search } from "./search.js";
import { table } from "./tables.js";

const rate = (name) => (one) => (one.rates ? `${one.rates[name].toFixed(1)}/s` : "–");
const COLUMNS = [
  ["Queue", (one) => one.name],
  ["Messages", (one) => number(one.messages)],
  ["Consumers", (one) => number(one.consumers)],
  ["Published", rate("publish")],
  ["Delivered", rate("deliver")],
  ["Acknowledged", rate("ack")],
];
const FIELDS = [
  { name: "q", label: "Name", kind: "search" },
  { name: "full", label: "Show", kind: "select", options: [["", "All queues"], ["1", "With messages"]] },
];

export default async function queues({ signal }) {
  let all = [];
  const { outer, body, row } = table("Queues", COLUMNS);
  const show = () => {
    const { q, full } = filter.values();
    fill(body, all.filter((one) => one.name.includes(q) && (!full || one.messages > 0)).map(row));
  };
  const filter = search(FIELDS, show);
  const load = async () => {
    all = (await get("/api/messages/queues")).data;
    show();
  };
  await keepFresh(load, signal);
  return panel("Queues", filter.element, outer);
}
