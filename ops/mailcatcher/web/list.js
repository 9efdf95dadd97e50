// Shows new mails as they come, and deletes all of them.
const REFRESH_MS = 3000;

async function refresh() {
  if (document.hidden) return;
  try {
    const answer = await fetch(location.href);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("mails");
    const shown = document.getElementById("mails");
    if (fresh && fresh.innerHTML !== shown.innerHTML) shown.replaceWith(fresh);
  } catch {
    // The catcher is away; the next round asks again.
  }
}

document.getElementById("delete-all").addEventListener("click", async () => {
  if (!confirm("Delete all mails?")) return;
  await fetch("/api/mails", { method: "DELETE" });
  await refresh();
});
setInterval(refresh, REFRESH_MS);
