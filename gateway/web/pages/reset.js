// Where the link of a password mail leads.

import { form } from "../core/forms.js";
import { send as call } from "../core/http.js";
import { notify } from "../core/notices.js";
import { go } from "../core/router.js";
import { forget, isOpen } from "../core/session.js";
import { NEW_PASSWORD } from "./passwords.js";
import { card, elsewhere } from "./card.js";

export default function reset({ app, query }) {
  const token = query.get("token") ?? "";
  if (!token) {
    return card("This link is not complete", "Open it again from the mail, or ask for a new one.", again());
  }
  const send = async ({ password }) => {
    await call("POST", "/api/auth/password/reset", { body: { token, password } });
    if (isOpen()) {
      forget(); // all sessions have ended, the one of this tab among them
      app.user = null;
    }
    notify("Your new password is set. Please log in with it.");
    go("/login");
  };
  return card(
    "Choose a new password",
    "You are logged out everywhere else by it.",
    form({ fields: [{ ...NEW_PASSWORD, name: "password" }], submit: "Set this password", send }),
    again(),
  );
}

function again() {
  return elsewhere(["/forgot-password", "Send me a new link"]);
}
