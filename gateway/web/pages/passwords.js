// A field for a new password, as all pages have it that ask for one.

export const NEW_PASSWORD = {
  label: "New password",
  kind: "password",
  autocomplete: "new-password",
  hint: "8 characters or more; a few words make a good one.",
  required: true,
};
