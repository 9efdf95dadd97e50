// A new account. Who has made one is logged in right away.

import { onceKey } from "../core/api.js";
import { form } from "../core/forms.js";
import { send as call } from "../core/http.js";
import { notify } from "../core/notices.js";
import { go } from "../core/router.js";
import { logIn } from "../core/session.js";
import { NEW_PASSWORD } from "./passwords.js";
import { card, elsewhere } from "./card.js";

const FIELDS = [
  { name: "name", label: "Name", autocomplete: "name", required: true },
  { name: "email", label: "E-mail address", kind: "email", autocomplete: "username", required: true },
  { ...NEW_PASSWORD, name: "password", label: "Password" },
];

export default function register() {
  const send = async (body) => {
    await call("POST", "/api/auth/register", { body, headers: { "Idempotency-Key": onceKey() } });
    await logIn(body.email, body.password);
    notify(`Welcome, ${body.name}. We have sent you a mail: please confirm your address with the link in it.`);
    go("/todos");
  };
  return card(
    "Create an account",
    null,
    form({ fields: FIELDS, submit: "Create my account", send }),
    elsewhere(["/login", "I have an account"]),
  );
}
