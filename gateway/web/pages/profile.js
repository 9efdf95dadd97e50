// The user's own account: who they are, which mails they get, where they are logged in.

import { call, patch } from "../core/api.js";
import { h } from "../core/dom.js";
import { form } from "../core/forms.js";
import { notify, notifyProblem } from "../core/notices.js";
import { deletion } from "./profile-deletion.js";
import { passwordChange } from "./profile-password.js";
import { sessions } from "./profile-sessions.js";

const LANGUAGES = { en: "English", de: "Deutsch" };
const MAILS = [
  ["todo_mails", "Mails about my todos: new, changed, completed, deleted, due"],
  ["login_mails", "Mails about my logins"],
];

export default async function profile({ app, setUser, signal }) {
  const save = async (changes) => {
    const { data } = await patch("/api/users/me", changes);
    setUser(data);
    notify("Saved.");
    return data;
  };
  return h(
    "div",
    { class: "stack" },
    h("h1", null, "Profile"),
    section("About you", verification(app.user), about(app.user, save)),
    section("Mails", mails(app.user, save)),
    section("Password", passwordChange(app.user)),
    section("Where you are logged in", await sessions(signal)),
    section("Delete the account", deletion(app)),
  );
}

function section(title, ...content) {
  return h("section", { class: "card", "aria-label": title }, h("h2", null, title), content);
}

function about(user, save) {
  const languages = Object.entries({ [user.locale]: user.locale, ...LANGUAGES });
  const fields = [
    { name: "name", label: "Name", value: user.name, autocomplete: "name", required: true },
    {
      name: "email", label: "E-mail address", kind: "email", value: user.email, autocomplete: "email", required: true,
      hint: "A new address gets a mail with a link that confirms it.",
    },
    { name: "locale", label: "Language of mails", kind: "select", options: languages, value: user.locale },
  ];
  return form({ fields, submit: "Save", send: save });
}

function verification(user) {
  if (user.email_verified) {
    return h("p", { class: "state good" }, "Your e-mail address is confirmed.");
  }
  const resend = () =>
    call("POST", "/api/auth/email/resend").then(() => notify(`A mail is on its way to ${user.email}.`), notifyProblem);
  return h(
    "p",
    { class: "state warn" },
    "Your e-mail address is not confirmed yet. ",
    h("button", { type: "button", class: "link", onclick: resend }, "Send the mail again"),
  );
}

function mails(user, save) {
  const fields = MAILS.map(([name, label]) => ({ name, label, kind: "checkbox", value: user.preferences[name] }));
  const send = (preferences) => save({ preferences });
  return [
    h("p", { class: "intro" }, "Mails about the security of your account always come."),
    form({ fields, submit: "Save", send }),
  ];
}
