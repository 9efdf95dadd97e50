// Another password.

import { post } from "../core/api.js";
import { h } from "../core/dom.js";
import { form } from "../core/forms.js";
import { notify } from "../core/notices.js";
import { NEW_PASSWORD } from "./passwords.js";

const FIELDS = [
  {
    name: "current_password", label: "Present password", kind: "password",
    autocomplete: "current-password", required: true,
  },
  { ...NEW_PASSWORD, name: "new_password" },
];

export function passwordChange(user) {
  const send = async (body) => {
    await post("/api/auth/password/change", body);
    notify("Your password is changed, and you are logged out everywhere else.");
  };
  const element = form({ fields: FIELDS, submit: "Change the password", send, reset: true });
  // For password managers: whose password it is.
  element.prepend(h("input", { type: "text", name: "username", autocomplete: "username", value: user.email, hidden: true }));
  return element;
}
