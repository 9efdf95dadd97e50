// The bar at the top: where one is, and where one can go.

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { link } from "./router.js";

const PLACES = [
  ["/todos", "Todos"],
  ["/trash", "Trash"],
  ["/profile", "Profile"],
];

// `user` is null for who is not logged in.
export function header(user, path, logOut) {
  const places = user?.role === "admin" ? [...PLACES, ["/admin", "Admin"]] : PLACES;
  return h(
    "div",
    { class: "bar" },
    h("a", { class: "brand", href: "/" }, h("span", { class: "mark" }, icon("check")), "Todos"),
    user && h("nav", { "aria-label": "Main" }, places.map(([to, name]) => place(to, name, path))),
    user && h("button", { type: "button", class: "quiet", onclick: logOut, title: user.email }, "Log out"),
  );
}

function place(to, name, path) {
  const isHere = path === to || (to === "/todos" && path === "/") || path.startsWith(`${to}/`);
  return h("a", { href: link(to), "aria-current": isHere ? "page" : null }, name);
}
