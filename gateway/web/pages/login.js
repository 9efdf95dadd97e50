// Logging in.

import { get } from "../core/api.js";
import { form } from "../core/forms.js";
import { go } from "../core/router.js";
import { logIn } from "../core/session.js";
import { card, elsewhere } from "./card.js";

const FIELDS = [
  { name: "email", label: "E-mail address", kind: "email", autocomplete: "username", required: true },
  { name: "password", label: "Password", kind: "password", autocomplete: "current-password", required: true },
];

export default function login({ app }) {
  const send = async ({ email, password }) => {
    await logIn(email, password);
    app.user = (await get("/api/users/me")).data;
    const { wanted } = app;
    app.wanted = null;
    wanted ? location.replace(wanted) : go("/todos");
  };
  return card(
    "Log in",
    "Write down what you have to do, and be reminded when it is due.",
    form({ fields: FIELDS, submit: "Log in", send }),
    elsewhere(["/register", "Create an account"], ["/forgot-password", "Forgotten your password?"]),
  );
}
