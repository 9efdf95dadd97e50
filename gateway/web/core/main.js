// The start: who is logged in, which page is wanted, and what is around it.

import { get } from "./api.js";
import { fill, h } from "./dom.js";
import { header } from "./header.js";
import { notify, notifyProblem } from "./notices.js";
import { PAGES } from "./pages.js";
import { current, go } from "./router.js";
import * as session from "./session.js";

const content = document.getElementById("content");
const app = { user: null, wanted: null };
let leaving = new AbortController();

async function show({ isFirst = false } = {}) {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const { path, query } = current();
  const page = PAGES[path] ?? PAGES[session.isOpen() ? "/todos" : "/login"];
  if (!(await isAllowed(page, path)) || signal.aborted) {
    return;
  }
  fill(document.getElementById("header"), header(app.user, path, logOut));
  const module = await page.load();
  const shown = await module.default({ app, query, signal, setUser });
  if (!signal.aborted) {
    document.title = `${page.title} · Todos`;
    fill(content, shown);
    content.className = page.width ?? "";
    if (!isFirst) {
      arrive();
    }
  }
}

// Whether the page can be shown; else another one is on its way.
async function isAllowed(page, path) {
  if (session.isOpen() && !app.user) {
    app.user = (await get("/api/users/me")).data;
  }
  if (page.who === "user" && !app.user) {
    app.wanted = path === "/" ? null : location.hash;
    go("/login");
    return false;
  }
  if ((page.who === "guest" && app.user) || (page.who === "admin" && app.user?.role !== "admin")) {
    go(app.user ? "/todos" : "/login");
    return false;
  }
  return true;
}

// Screen readers and the keyboard begin at the new page's top.
function arrive() {
  scrollTo(0, 0);
  const title = content.querySelector("h1");
  title?.setAttribute("tabindex", "-1");
  title?.focus({ preventScroll: true });
}

function setUser(user) {
  app.user = user;
  fill(document.getElementById("header"), header(user, current().path, logOut));
}

async function logOut() {
  app.user = null;
  app.wanted = null;
  await session.logOut();
  go("/login");
  guarded();
}

function ended(isNews) {
  app.user = null;
  app.wanted = location.hash;
  notify(isNews ? "Your session has ended. Please log in again." : "You have logged out in another tab.");
  go("/login");
  guarded();
}

function failed(problem) {
  notifyProblem(problem);
  if (!content.querySelector("h1")) {
    const again = h("button", { class: "primary", type: "button", onclick: () => guarded() }, "Try again");
    fill(content, h("section", { class: "card narrow" }, h("h1", null, "That did not work"), h("p", null, problem.told), again));
  }
}

function guarded(options) {
  return show(options).catch((problem) => session.isOpen() || problem.status !== 401 ? failed(problem) : null);
}

session.whenChanged(() => app.user || guarded(), ended);
addEventListener("hashchange", () => guarded());
await session.resume();
await guarded({ isFirst: true });
