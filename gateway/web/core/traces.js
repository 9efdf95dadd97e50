// The trace that a call belongs to (W3C Trace Context): one for all that a click brings about, mails included.
// What the page does by itself, later, has a trace of its own.

import { randomHex } from "./random.js";

const LASTS_MS = 5_000;
const BY_HAND = ["click", "submit", "change", "input"];
let trace = null;

for (const kind of BY_HAND) {
  addEventListener(kind, begin, { capture: true, passive: true });
}

// The header of the next call.
export function traceparent() {
  if (!trace || performance.now() - trace.at > LASTS_MS) {
    begin();
  }
  return `00-${trace.id}-${randomHex(8)}-${trace.isRecorded ? "01" : "00"}`;
}

function begin() {
  trace = { id: randomHex(16), isRecorded: Math.random() < share(), at: performance.now() };
}

// How many are to be recorded; the gateway has it from its settings.
function share() {
  return Number(document.querySelector('meta[name="traces"]').content);
}
