// CSV of a table as it is on screen: a number and its interval have a column each, and lines that are hidden are left out.
"use strict";

const PARTS = /^([+-]?[\d,.]+(?:e[+-]?\d+)?)\*?(?: ± ([\d,.]+)| \[(.+?), (.+?)\])?$/;

function csvOf(table) {
  const heads = [...table.tHead.rows[0].cells].map((one) => one.textContent);
  const rows = [...table.querySelectorAll("tbody tr")].filter((row) => !row.hidden && row.cells.length === heads.length);
  const cells = rows.map((row) => [...row.cells].map((one) => one.textContent.trim()));
  const found = rows.map((row, i) => cells[i].map((text, at) => (row.cells[at].tagName === "TD" ? PARTS.exec(text) : null)));
  const columns = heads.flatMap((head, at) => {
    const part = (number) => (i) => found[i][at]?.[number]?.replaceAll(",", "") ?? "";
    const known = (number) => found.some((line) => line[at]?.[number] !== undefined);
    const more = [["±", 2], ["low", 3], ["high", 4]].filter(([, number]) => known(number));
    return [[head, (i) => part(1)(i) || cells[i][at]], ...more.map(([name, number]) => [`${head} ${name}`, part(number)])];
  });
  if (table.classList.contains("systems")) {
    columns.push(["kind", (i) => (rows[i].closest(".references") ? "reference" : "ranked")]);
  }
  const made = [columns.map(([head]) => head), ...rows.map((_, i) => columns.map(([, cell]) => cell(i)))];
  return made.map((line) => `${line.map(quoted).join(",")}\r\n`).join("");
}

// Spreadsheets take some texts for formulas; a quotation mark before them says that they are text.
function quoted(text) {
  const safe = /^[=@\t]|^[+-](?![\d.]|$)/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
