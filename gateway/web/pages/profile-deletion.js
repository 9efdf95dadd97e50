// The end of an account.

import { remove } from "../core/api.js";
import { dialog } from "../core/dialogs.js";
import { h } from "../core/dom.js";
import { form } from "../core/forms.js";
import { Problem } from "../core/http.js";
import { notify } from "../core/notices.js";
import { go } from "../core/router.js";
import { forget } from "../core/session.js";

export function deletion(app) {
  const ask = async () => {
    if (await dialog("Delete the account?", (close) => question(app.user, close))) {
      forget();
      app.user = null;
      notify("Your account is deleted, with all that was yours.");
      go("/login");
    }
  };
  return [
    h("p", { class: "intro" }, "Your todos, your sessions and mails that have not been sent yet go with it."),
    h("div", { class: "buttons" }, h("button", { type: "button", class: "danger quiet", onclick: ask }, "Delete my account")),
  ];
}

function question(user, close) {
  const fields = [{ name: "email", label: `To confirm, type ${user.email}`, autocomplete: "off", required: true }];
  const send = async ({ email }) => {
    if (email.trim().toLowerCase() !== user.email.toLowerCase()) {
      throw new Problem({ code: "other_address", detail: "", errors: { email: ["That is another address."] } });
    }
    await remove("/api/users/me");
    close(true);
  };
  return [h("p", null, "This can't be undone."), form({ fields, submit: "Delete it for good", send, danger: true })];
}
