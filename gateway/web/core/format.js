// Times and numbers as people write them, in the browser's time zone and in English, as all that is around
// them: in the reader's own kind of it, if they have one.

import { h } from "./dom.js";

const LOCALE = navigator.languages.find((one) => one.startsWith("en")) ?? "en-GB";
const DAY_MS = 86_400_000;
const RELATIVE = new Intl.RelativeTimeFormat(LOCALE, { numeric: "auto" });
const UNITS = [
  ["day", DAY_MS],
  ["hour", 3_600_000],
  ["minute", 60_000],
];

const clock = new Intl.DateTimeFormat(LOCALE, { hour: "2-digit", minute: "2-digit" });
const date = new Intl.DateTimeFormat(LOCALE, { day: "numeric", month: "short" });
const longDate = new Intl.DateTimeFormat(LOCALE, { day: "numeric", month: "short", year: "numeric" });
const full = new Intl.DateTimeFormat(LOCALE, { dateStyle: "full", timeStyle: "medium" });

// "today, 14:00", "12 Dec, 14:00": a moment to come or one of long ago, as a <time>.
export function moment(text) {
  return time(text, (at) => `${day(at)}, ${clock.format(at)}`);
}

// "5 minutes ago" for what is less than a week away, else the day, as a <time>.
export function ago(text) {
  return time(text, (at) => {
    const distance = at - Date.now();
    if (Math.abs(distance) > 6 * DAY_MS) {
      return longDate.format(at);
    }
    const [unit, length] = UNITS.find(([, one]) => Math.abs(distance) >= one) ?? ["second", 1000];
    return unit === "second" ? "just now" : RELATIVE.format(Math.trunc(distance / length), unit);
  });
}

// A time of the API as the value of <input type="datetime-local">, and back.
export function toInput(text) {
  if (!text) {
    return "";
  }
  const at = new Date(text);
  return new Date(at - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

export function fromInput(value) {
  return value ? new Date(value).toISOString() : null;
}

export function number(value) {
  return value.toLocaleString(LOCALE);
}

export function timeOfDay(text) {
  return new Date(text).toLocaleTimeString(LOCALE);
}

export function plural(count, one, many = `${one}s`) {
  return `${number(count)} ${count === 1 ? one : many}`;
}

// "in_progress" as "In progress".
export function words(name) {
  const text = name.replaceAll("_", " ");
  return text[0].toUpperCase() + text.slice(1);
}

function time(text, told) {
  const at = new Date(text);
  return h("time", { datetime: text, title: full.format(at) }, told(at));
}

function day(at) {
  const days = Math.round((midnight(at) - midnight(new Date())) / DAY_MS);
  if (Math.abs(days) <= 1) {
    return RELATIVE.format(days, "day");
  }
  return at.getFullYear() === new Date().getFullYear() ? date.format(at) : longDate.format(at);
}

function midnight(at) {
  return new Date(at.getFullYear(), at.getMonth(), at.getDate());
}
