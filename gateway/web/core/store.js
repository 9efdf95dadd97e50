// Where the tokens are. This is the choice, and why:
//
// * The access token is in this module's memory only. What it can do is done with it at once.
// * The refresh token is in sessionStorage: it is gone with the tab, no other origin and no request carries
//   it by itself (so there is no cross-site forgery to defend against), and it lives through a reload.
//   localStorage would keep it for whoever opens the browser next; other tabs get it over a channel instead
//   (tabs.js). A script in this page could read either, which is why the page's policy allows none but the
//   app's own files and no text can become one.
// * A reload takes the access token along, by way of sessionStorage: put there when the page is left, and
//   taken out before anything else happens. Otherwise each reload would spend a refresh token.

const REFRESH = "refresh_token";
const SESSION = "session_id";
const CARRIED = "access_token";

let tokens = { access: take(CARRIED), refresh: sessionStorage.getItem(REFRESH) };

addEventListener("pagehide", () => {
  if (tokens.access) {
    sessionStorage.setItem(CARRIED, tokens.access);
  }
});
addEventListener("pageshow", () => sessionStorage.removeItem(CARRIED));

export function accessToken() {
  return tokens.access;
}

export function refreshToken() {
  return tokens.refresh;
}

// Which session these are the tokens of: the claim `sid` of an access token, which is read, not trusted.
export function sessionOf(pair) {
  const [, payload] = pair.access_token.split(".");
  return JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/"))).sid;
}

export function sessionId() {
  return sessionStorage.getItem(SESSION);
}

export function keep(pair) {
  tokens = { access: pair.access_token, refresh: pair.refresh_token };
  sessionStorage.setItem(REFRESH, tokens.refresh);
  sessionStorage.setItem(SESSION, sessionOf(pair));
}

export function forget() {
  tokens = { access: null, refresh: null };
  sessionStorage.removeItem(REFRESH);
  sessionStorage.removeItem(SESSION);
}

function take(key) {
  const value = sessionStorage.getItem(key);
  sessionStorage.removeItem(key);
  return value;
}
