// A mail with a link that sets a new password.

import { fill, h } from "../core/dom.js";
import { form } from "../core/forms.js";
import { send as call } from "../core/http.js";
import { card, elsewhere } from "./card.js";

const FIELDS = [{ name: "email", label: "E-mail address", kind: "email", autocomplete: "username", required: true }];

export default function forgot() {
  const shown = h("div");
  const send = async (body) => {
    await call("POST", "/api/auth/password/forgot", { body });
    // The answer is the same whether there is such an account: nobody can find out who has one.
    fill(shown, h("p", { role: "status" }, `If there is an account for ${body.email}, a mail with a link is on its way. The link works for one hour.`));
  };
  fill(shown, form({ fields: FIELDS, submit: "Send me a link", send }));
  return card(
    "Forgotten your password?",
    "We send you a link with which you can choose a new one.",
    shown,
    elsewhere(["/login", "Back to the login"]),
  );
}
