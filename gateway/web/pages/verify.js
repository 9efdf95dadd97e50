// Where the link of a verification mail leads. It asks first: scanners follow the links in mails, and an
// address should be confirmed by who reads it.

import { get } from "../core/api.js";
import { fill, h } from "../core/dom.js";
import { form } from "../core/forms.js";
import { send as call } from "../core/http.js";
import { card, elsewhere } from "./card.js";

export default function verify({ app, query, setUser }) {
  const token = query.get("token") ?? "";
  if (!token) {
    return card("This link is not complete", "Open it again from the mail.", home(app));
  }
  const shown = h("div");
  const send = async () => {
    await call("POST", "/api/auth/email/verify", { body: { token } });
    if (app.user) {
      setUser((await get("/api/users/me")).data);
    }
    fill(shown, h("p", { role: "status" }, "Thank you: your address is confirmed."));
  };
  fill(shown, form({ fields: [], submit: "Confirm my address", send }));
  return card("Confirm your e-mail address", "Is the address yours to which we have sent this link?", shown, home(app));
}

function home(app) {
  return elsewhere(app.user ? ["/todos", "To my todos"] : ["/login", "To the login"]);
}
