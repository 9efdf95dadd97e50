// Calls as the one who is logged in. A token that has run out is replaced on the way; a server that asks for
// patience gets it.

import { send } from "./http.js";
import { notify } from "./notices.js";
import { randomHex } from "./random.js";
import * as session from "./session.js";
import { accessToken, refreshToken } from "./store.js";

const MOST_ATTEMPTS = 3;
const LONGEST_WAIT = 10;
const STALE = new Set(["token_expired", "token_revoked", "invalid_token", "missing_token"]);

// As `send` of http.js, with the token.
export async function call(method, path, options = {}) {
  for (let attempt = 1; ; attempt += 1) {
    const token = accessToken();
    try {
      return await send(method, path, { ...options, token });
    } catch (problem) {
      const isLast = attempt === MOST_ATTEMPTS;
      if (!isLast && isStale(problem, attempt)) {
        await session.renew(token);
      } else if (!isLast && isWorthWaiting(problem, method, options)) {
        await patience(problem.retryAfter);
      } else {
        throw problem;
      }
    }
  }
}

export const get = (path, query) => call("GET", path, { query });
export const post = (path, body, headers) => call("POST", path, { body, headers });
export const patch = (path, body, headers) => call("PATCH", path, { body, headers });
export const remove = (path) => call("DELETE", path);

// For a call that may be made again: the server carries it out once.
export const onceKey = () => randomHex(16);

function isStale(problem, attempt) {
  return problem.status === 401 && attempt === 1 && STALE.has(problem.code) && refreshToken();
}

// 429 and 503 say when to come back. What could be carried out twice is for the user to send again.
function isWorthWaiting(problem, method, { headers }) {
  const isSafe = method === "GET" || method === "DELETE" || headers?.["Idempotency-Key"];
  return isSafe && problem.retryAfter > 0 && problem.retryAfter <= LONGEST_WAIT;
}

async function patience(seconds) {
  notify(`The server is busy: trying again in ${seconds} s.`);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
