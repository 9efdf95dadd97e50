// Who is logged in: logging in and out, and new tokens for old ones.

import { send } from "./http.js";
import * as store from "./store.js";
import * as tabs from "./tabs.js";

let refreshing = null;
let on = { begin: () => {}, end: () => {} };

tabs.listen({ current: pair, onPair: adopt, onEnd: (id) => id === store.sessionId() && close(false) });

export function isOpen() {
  return Boolean(store.refreshToken());
}

// What is to happen when a session begins in another tab, and when this one ends without the user having
// asked for it here: `end(isNews)`, where it is news if no other tab was asked either.
export function whenChanged(begin, end) {
  on = { begin, end };
}

// At the app's start: the session that this tab had, or the one that another tab has.
export async function resume() {
  if (!isOpen()) {
    await tabs.ask();
  }
}

export async function logIn(email, password) {
  const { data } = await send("POST", "/api/auth/login", { body: { email, password } });
  begin(data);
}

// The second step of a login: an app's code, or a recovery code, for the challenge of the first.
export async function confirm(challenge, code) {
  const { data } = await send("POST", "/api/auth/login/second-factor", { body: { challenge, code } });
  begin(data);
}

// Ends the session on the server as well, if that can be reached; here it is over in any case.
export async function logOut(path = "/api/auth/logout") {
  const token = store.accessToken();
  forget();
  await send("POST", path, { token }).catch(() => null);
}

// The session is over, since the server has ended it with the last call.
export function forget() {
  tabs.tellEnd(store.sessionId());
  store.forget();
}

// A token that is good, after `stale` was refused. However many calls ask for one, one gets it for all.
export async function renew(stale) {
  if (store.accessToken() && store.accessToken() !== stale) {
    return store.accessToken();
  }
  refreshing ??= exchange().finally(() => {
    refreshing = null;
  });
  return refreshing;
}

async function exchange() {
  const refresh_token = store.refreshToken();
  try {
    const { data } = await send("POST", "/api/auth/refresh", { body: { refresh_token } });
    begin(data);
    return data.access_token;
  } catch (problem) {
    if (problem.status === 401 && store.refreshToken() === refresh_token) {
      close(true);
    }
    throw problem;
  }
}

function begin(found) {
  store.keep(found);
  tabs.tellPair(pair());
}

// Another tab's tokens: of the same session newer ones, or of one that this tab can take part in.
function adopt(found) {
  const isFirst = !isOpen();
  if (isFirst || store.sessionOf(found) === store.sessionId()) {
    store.keep(found);
  }
  if (isFirst) {
    on.begin();
  }
}

function close(isNews) {
  if (isOpen()) {
    store.forget();
    on.end(isNews);
  }
}

function pair() {
  return store.accessToken() ? { access_token: store.accessToken(), refresh_token: store.refreshToken() } : null;
}
