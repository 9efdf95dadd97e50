// The user's own account: who they are, which mails they get, where they are logged in.

import { call, patch } from "../core/api.js";
import { fill, h } from "../core/dom.js";
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
    section("About you", ...aboutYou(app.user, save)),
    section("Mails", mails(app.user, save)),
    section("Password", passwordChange(app.user)),
    section("Where you are logged in", await sessions(signal)),
    section("Delete the account", deletion(app)),
  );
}

// Shown anew when another address was asked for, or no more.
function aboutYou(user, save) {
  const told = h("div");
  const show = (shown) => fill(told, verification(shown), pending(shown, change));
  const change = async (changes) => {
    show(await save(changes));
  };
  return [show(user), about(user, change)];
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
      hint: "A new address counts once the link of the mail that it gets is opened.",
    },
    { name: "locale", label: "Language of mails", kind: "select", options: languages, value: user.locale },
  ];
  // The present address would take back a wish for another one.
  const send = ({ email, ...others }) => save(email === user.email ? others : { email, ...others });
  return form({ fields, submit: "Save", send });
}

function pending(user, save) {
  if (!user.pending_email) {
    return null;
  }
  const back = () => save({ email: user.email }).catch(notifyProblem);
  return h(
    "p",
    { class: "state warn" },
    `${user.pending_email} is your address once it is confirmed by the link of the mail that is there. `,
    h("button", { type: "button", class: "link", onclick: back }, "Keep the present one"),
  );
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
