// One call to the API: JSON in and out, and every refusal as a Problem.

import { traceparent } from "./traces.js";

const PATIENCE_MS = 20_000;
const UNREACHABLE = "The server can't be reached. Check your connection and try again.";

// What the API refuses with (RFC 9457), or what stands for it where no answer came (status 0).
export class Problem extends Error {
  constructor({ status, code, detail, errors = {}, requestId = "", retryAfter = 0, challenge = "" }) {
    super(detail);
    Object.assign(this, { status, code, errors, requestId, retryAfter, challenge });
  }

  // For people: what went wrong, and for what is our fault, what the operators want to know.
  get told() {
    const isOurs = this.status >= 500 && this.requestId;
    return isOurs ? `${this.message} (Reference: ${this.requestId})` : this.message;
  }
}

// Resolves to { status, data, headers }; rejects with a Problem. A status in `accept` is an answer, too.
export async function send(method, path, { body, query, headers, token, accept = [] } = {}) {
  const response = await ask(address(path, query), {
    method,
    headers: { ...type(body), ...bearer(token), Accept: "application/json", traceparent: traceparent(), ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
    credentials: "omit",
    cache: "no-store",
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  const { status } = response;
  const data = await response.json().catch(() => null);
  if (response.ok || accept.includes(status)) {
    return { status, data, headers: response.headers };
  }
  throw problem(response, data ?? {});
}

async function ask(url, options) {
  try {
    return await fetch(url, options);
  } catch {
    throw new Problem({ status: 0, code: "unreachable", detail: UNREACHABLE });
  }
}

function problem(response, data) {
  return new Problem({
    status: response.status,
    code: data.code ?? "unknown",
    detail: data.detail ?? "Something went wrong. Please try again.",
    errors: data.errors,
    requestId: data.request_id,
    challenge: data.challenge,
    retryAfter: Number(response.headers.get("Retry-After")) || 0,
  });
}

function address(path, query) {
  const given = Object.entries(query ?? {}).filter(([, value]) => value !== "" && value != null);
  return given.length ? `${path}?${new URLSearchParams(given)}` : path;
}

function type(body) {
  return body === undefined ? {} : { "Content-Type": "application/json" };
}

function bearer(token) {
  return token ? { Authorization: `Bearer ${token}` } : {};
}
