// Which page is shown: the part of the address behind "#", as in "#/todos?status=pending".
//
// The links in mails lead to paths of their own ("/verify-email?token=..."), which the server answers with
// this same app.

const MAIL_PATHS = ["/verify-email", "/reset-password"];

// { path, query } of the address as it is.
export function current() {
  if (MAIL_PATHS.includes(location.pathname) && !location.hash) {
    return { path: location.pathname, query: mailQuery };
  }
  const [path, query] = location.hash.slice(1).split("?");
  return { path: path || "/", query: new URLSearchParams(query) };
}

export function link(path, query) {
  const given = Object.entries(query ?? {}).filter(([, value]) => value !== "" && value != null);
  return given.length ? `/#${path}?${new URLSearchParams(given)}` : `/#${path}`;
}

// Shows another page.
export function go(path, query) {
  const target = link(path, query);
  if (location.pathname === "/") {
    location.hash = target.slice(2);
  } else {
    history.pushState(null, "", target);
    dispatchEvent(new HashChangeEvent("hashchange"));
  }
}

// Puts what a page shows now into its address, for a reload and for the way back, without showing it anew.
export function remember(path, query) {
  history.replaceState(null, "", link(path, query));
}

// The secret of a mail's link is used once and has no place in the browser's history.
function takeMailQuery() {
  const query = new URLSearchParams(location.search);
  if (location.search) {
    history.replaceState(history.state, "", location.pathname + location.hash);
  }
  return query;
}

const mailQuery = takeMailQuery();
