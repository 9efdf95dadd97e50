// The words of messaging that the filters offer.

import { words } from "../core/format.js";

export const TEMPLATES = [
  "welcome", "welcome_back", "todo_created", "todo_updated", "todo_deleted", "todo_reminder",
  "password_reset", "password_changed", "email_verification", "system_alert",
];
export const STATUSES = ["queued", "retrying", "sent", "dead", "cancelled"];

export function choices(names, first) {
  return [...(first ? [["", first]] : []), ...names.map((name) => [name, words(name)])];
}
