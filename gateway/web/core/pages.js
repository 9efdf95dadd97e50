// Every page by its path: its title, for whom it is, and the module that makes it, loaded when it is wanted.
// A module's default export takes { app, query, signal, setUser } and returns (a promise of) its element;
// `signal` is aborted when the page is left.

export const PAGES = {
  "/login": { title: "Log in", who: "guest", load: () => import("../pages/login.js") },
  "/register": { title: "Create an account", who: "guest", load: () => import("../pages/register.js") },
  "/forgot-password": { title: "Forgotten password", load: () => import("../pages/forgot.js") },
  "/reset-password": { title: "New password", load: () => import("../pages/reset.js") },
  "/verify-email": { title: "Confirm your address", load: () => import("../pages/verify.js") },
  "/todos": { title: "Todos", who: "user", load: () => import("../pages/todos.js") },
  "/trash": { title: "Trash", who: "user", load: () => import("../pages/trash.js") },
  "/profile": { title: "Profile", who: "user", load: () => import("../pages/profile.js") },
  "/admin": admin("Health", "health"),
  "/admin/instances": admin("Instances", "instances"),
  "/admin/queues": admin("Queues", "queues"),
  "/admin/messages": admin("Messages", "messages"),
  "/admin/dead-letters": admin("Dead letters", "dead-letters"),
  "/admin/users": admin("Users", "users"),
  "/admin/templates": admin("Templates", "templates"),
};

// The parts of the administrators' panel, in the order of its menu.
export const ADMIN_PAGES = Object.entries(PAGES).filter(([path]) => path.startsWith("/admin"));

function admin(title, name) {
  return { title, who: "admin", width: "wide", load: () => import(`../admin/${name}.js`) };
}
