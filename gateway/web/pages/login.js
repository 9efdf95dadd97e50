// Logging in.

import { get } from "../core/api.js";
import { form } from "../core/forms.js";
import { go } from "../core/router.js";
import { confirm, logIn } from "../core/session.js";
import { card, elsewhere } from "./card.js";

const FIELDS = [
  { name: "email", label: "E-mail address", kind: "email", autocomplete: "username", required: true },
  { name: "password", label: "Password", kind: "password", autocomplete: "current-password", required: true },
];

const CODE = [
  { name: "code", label: "Code", autocomplete: "one-time-code", required: true, hint: "Of your app, or a recovery code." },
];

export default function login({ app }) {
  const goOn = async () => {
    app.user = (await get("/api/users/me")).data;
    const { wanted } = app;
    app.wanted = null;
    wanted ? location.replace(wanted) : go("/todos");
  };
  const send = async ({ email, password }) => {
    try {
      await logIn(email, password);
    } catch (problem) {
      if (problem.code !== "second_factor_required") {
        throw problem;
      }
      page.replaceWith(secondStep(problem.challenge, goOn));
      document.querySelector("input[name=code]").focus();
      return;
    }
    await goOn();
  };
  const page = card(
    "Log in",
    "Write down what you have to do, and be reminded when it is due.",
    form({ fields: FIELDS, submit: "Log in", send }),
    elsewhere(["/register", "Create an account"], ["/forgot-password", "Forgotten your password?"]),
  );
  return page;
}

function secondStep(challenge, goOn) {
  const send = async ({ code }) => {
    await confirm(challenge, code);
    await goOn();
  };
  return card(
    "One step more",
    "Your password is right. Now the code that your authenticator app shows.",
    form({ fields: CODE, submit: "Confirm", send }),
    elsewhere(["/", "Begin again"]),
  );
}
