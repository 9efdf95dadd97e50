// The dialog in which a todo is changed.

import { call } from "../core/api.js";
import { dialog } from "../core/dialogs.js";
import { form } from "../core/forms.js";
import { notify } from "../core/notices.js";
import { editFields, toBody } from "./todo-fields.js";

const STALE = "This todo was changed elsewhere meanwhile. Here is how it is now: please edit it again.";

// Resolves to the changed todo, to null if it is not any more what was shown, to undefined if nothing was done.
export function editTodo(todo) {
  return dialog("Edit todo", (close) => {
    const refuse = (problem) => {
      if (problem.status !== 412) {
        throw problem;
      }
      notify(STALE, { kind: "error" });
      close(null);
    };
    return form({ fields: editFields(todo), submit: "Save", send: (values) => save(todo, values).then(close, refuse) });
  });
}

// Only over the version that was shown: what somebody else has changed meanwhile is not undone unseen.
async function save(todo, values) {
  const headers = { "If-Match": `"${todo.version}"` };
  const { data } = await call("PATCH", `/api/todos/${todo.id}`, { body: toBody(values), headers });
  return data;
}
