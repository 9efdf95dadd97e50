// What nobody can guess, and nobody has drawn before.

// So many bytes, as hexadecimal digits. Not crypto.randomUUID, which is there only on https and localhost.
export function randomHex(count) {
  const bytes = crypto.getRandomValues(new Uint8Array(count));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
