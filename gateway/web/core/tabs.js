// What the app's tabs in one browser tell each other: of a session that has begun, gone on or ended.
//
// Each tab keeps the session's tokens for itself. A tab that is opened later, say by the link in a mail,
// asks the others; so nobody logs in twice, and nothing has to lie in a store that all tabs share for good.

const ANSWER_MS = 150;
const channel = new BroadcastChannel("todos-session");

// Calls `onPair(pair)` when another tab has new tokens, `onEnd(sessionId)` when one has logged out, and
// answers who asks with what `current()` returns.
export function listen({ current, onPair, onEnd }) {
  channel.addEventListener("message", ({ data }) => {
    if (data.kind === "ask" && current()) {
      tellPair(current());
    } else if (data.kind === "pair") {
      onPair(data.pair);
    } else if (data.kind === "end") {
      onEnd(data.sessionId);
    }
  });
}

export function tellPair(pair) {
  channel.postMessage({ kind: "pair", pair });
}

export function tellEnd(sessionId) {
  channel.postMessage({ kind: "end", sessionId });
}

// Resolves when the other tabs have had the time to answer; `onPair` has been called by then.
export function ask() {
  channel.postMessage({ kind: "ask" });
  return new Promise((resolve) => setTimeout(resolve, ANSWER_MS));
}
