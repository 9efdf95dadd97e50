// The app's icons: paths on a 24 x 24 grid, drawn in the colour of the text beside them.

const PATHS = {
  add: ["M12 5v14", "M5 12h14"],
  back: ["m15 5-7 7 7 7"],
  check: ["m5 12.500 4.500 4.500L19 7"],
  clock: ["M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z", "M12 7.500V12l3 2"],
  close: ["M6 6l12 12", "M18 6 6 18"],
  edit: ["M4 20h4L19 9l-4-4L4 16z", "m13 7 4 4"],
  restore: ["M4 9h10a5 5 0 0 1 0 10H8", "M8 5 4 9l4 4"],
  search: ["M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14z", "m20 20-4-4"],
  trash: ["M4 7h16", "M9 7V4h6v3", "M6 7l1 13h10l1-13"],
};

const SVG = "http://www.w3.org/2000/svg";

// The icon of that name. It says nothing to who can't see it: the element around it has the words.
export function icon(name) {
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("class", "icon");
  drawing.setAttribute("aria-hidden", "true");
  for (const d of PATHS[name]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    drawing.append(path);
  }
  return drawing;
}
