"use strict";
// Finds documents by a piece of their id or URL in the lines that stand, compressed, in this page. Nothing is fetched,
// and what a page says becomes text nodes alone.
(async () => {
  const SHOWN = 20;
  const box = document.getElementById("query"), list = document.getElementById("found"), said = document.getElementById("said");
  const packed = document.getElementById("lines").textContent.trim();
  const bytes = Uint8Array.from(atob(packed), character => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const lines = await new Response(stream).text();
  const cell = (row, text, css) => {
    const made = row.appendChild(document.createElement("td"));
    made.textContent = text;
    made.className = css;
  };
  const find = () => {
    const wanted = box.value.trim();
    list.replaceChildren();
    said.textContent = "";
    if (wanted.length < 3) return;
    let shown = 0, place = lines.indexOf(wanted);
    while (place >= 0 && shown < SHOWN) {
      const start = lines.lastIndexOf("\n", place) + 1, end = lines.indexOf("\n", place);
      const [id, url, fate] = lines.slice(start, end).split("\t");
      if (id.includes(wanted) || url.includes(wanted)) {
        const row = list.appendChild(document.createElement("tr"));
        cell(row, id, "mono");
        cell(row, url, "mono");
        cell(row, fate, fate.startsWith("in the corpus") ? "yes" : "no");
        shown += 1;
      }
      place = lines.indexOf(wanted, end);
    }
    said.textContent = place >= 0 ? `the first ${shown}; type more` : shown ? "" : "nothing found";
  };
  box.addEventListener("input", find);
  box.disabled = false;
  find();
})();
