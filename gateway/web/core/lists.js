// Lists that come a page at a time: the next page's cursor is in the header Link (RFC 8288).

import { fill, h } from "./dom.js";
import { notifyProblem } from "./notices.js";

// `read(cursor)` fetches a page; `row(item)` makes an element of it for `list`; `empty()` makes what is shown
// where there is nothing; `onTotal(number)` hears how many there are, if it was counted.
// Returns { element, reload() }.
export function pagedList({ list, outer = list, read, row, empty, onTotal = () => {} }) {
  const foot = h("div", { class: "more" });
  const element = h("div", { class: "paged" }, outer, foot);
  let newest = 0; // answers may come in another order than they were asked for

  async function page(cursor) {
    const mine = (newest += 1);
    element.setAttribute("aria-busy", "true");
    try {
      const { data, headers } = await read(cursor);
      if (mine === newest) {
        add(data, cursor, headers);
      }
    } catch (problem) {
      notifyProblem(problem);
    } finally {
      if (mine === newest) {
        element.removeAttribute("aria-busy");
      }
    }
  }

  function add(items, cursor, headers) {
    const rows = items.map(row);
    cursor ? list.append(...rows) : fill(list, rows);
    if (headers.has("X-Total-Count")) {
      onTotal(Number(headers.get("X-Total-Count")));
    }
    outer.hidden = list.children.length === 0;
    fill(foot, outer.hidden ? empty() : moreButton(nextCursor(headers)));
    if (cursor) {
      rows[0]?.querySelector("a, button, input")?.focus();
    }
  }

  function moreButton(cursor) {
    return cursor && h("button", { type: "button", class: "quiet", onclick: () => page(cursor) }, "Load more");
  }

  return { element, reload: () => page("") };
}

export function nextCursor(headers) {
  const [, next] = headers.get("Link")?.match(/<([^>]+)>;\s*rel="next"/) ?? [];
  return next ? new URL(next, location.href).searchParams.get("cursor") : null;
}
