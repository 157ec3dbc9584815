// A grid in a picture keeps its numbers in attributes of one rectangle, and this tells the one below the pointer.
// data-rows and data-columns: names, one a line, without columns as the rows; data-values: rows by ";", numbers by ",".
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const told = document.createElement("div");
  told.className = "cell";
  told.hidden = true;
  told.setAttribute("aria-hidden", "true");
  document.body.append(told);
  const tell = (event) => {
    const cells = event.target.closest?.("[data-values]");
    told.hidden = !cells;
    if (!cells) return;
    const rows = cells.dataset.rows.split("\n");
    const columns = (cells.dataset.columns ?? cells.dataset.rows).split("\n");
    const heads = cells.dataset.heads.split("\n");
    const box = cells.getBoundingClientRect();
    const at = (share, names) => Math.min(Math.max(Math.floor(share * names.length), 0), names.length - 1);
    const i = at((event.clientY - box.top) / box.height, rows);
    const j = at((event.clientX - box.left) / box.width, columns);
    const short = cells.dataset.values.split(";")[i].split(",")[j];
    const value = short === "-" ? "no number" : short.startsWith(".") ? `0${short}` : short || "0";
    told.textContent = `${heads[0]}: ${rows[i]}\n${heads[1]}: ${columns[j]}\n${heads[2]}: ${value}`;
    const wide = document.documentElement.clientWidth - told.offsetWidth;
    told.style.left = `${Math.min(event.clientX + 14, Math.max(wide, 0))}px`;
    told.style.top = `${event.clientY + 16}px`;
  };
  document.addEventListener("pointermove", tell);
  document.addEventListener("pointerdown", tell);
  document.addEventListener("scroll", () => { told.hidden = true; }, true);
});
