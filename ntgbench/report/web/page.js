// What the page does beyond being read: navigation, sorting, filters, notes beside cells, and a view in its address.
"use strict";

document.documentElement.className = "js"; // before the body is read, so that hidden sections are never laid out

addEventListener("DOMContentLoaded", () => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const sections = all("main > section");
  const form = document.forms[0];
  const notes = JSON.parse(document.getElementById("notes").textContent);
  const bubble = document.getElementById("note");
  let view = {};

  // The view: what is behind the "#", such as lab-fidelity&q=llama&sort=0.3.up,2.1.down&theme=dark.

  function read() {
    const [page, ...rest] = location.hash.slice(1).split("&");
    const given = new URLSearchParams(rest.join("&"));
    const sort = new Map();
    for (const one of (given.get("sort") ?? "").split(",")) {
      const found = /^(\d+)\.(\d+)\.(up|down)$/.exec(one);
      if (found) sort.set(Number(found[1]), { column: Number(found[2]), down: found[3] === "down" });
    }
    const known = (name) => [...form[name].options].some((one) => one.value === given.get(name)) ? given.get(name) : "";
    const there = sections.some((one) => one.id === page);
    return { page: there ? page : "overview", q: given.get("q") ?? "", kind: known("kind"), theme: known("theme"), sort };
  }

  // What other scripts have put into the address.
  const others = () => [...new URLSearchParams(location.hash.split("&").slice(1).join("&"))].filter(([name]) => !(name in view));

  function address({ page, q, kind, theme, sort }) {
    const order = [...sort].map(([table, { column, down }]) => `${table}.${column}.${down ? "down" : "up"}`).join(",");
    const given = [...Object.entries({ q, kind, sort: order, theme }), ...others()].filter(([, value]) => value);
    return `#${[page, ...given.map(([name, value]) => `${name}=${encodeURIComponent(value).replaceAll("%2C", ",")}`)].join("&")}`;
  }

  // The address of a page with the filters and the theme of now.
  const link = (page) => address({ ...view, page, sort: new Map() });

  function remember() {
    history.replaceState(null, "", address(view));
    for (const one of all("nav a")) one.href = link(one.dataset.page);
  }

  const shown = () => sections.filter((one) => one.classList.contains("on"));
  const tables = () => shown().flatMap((one) => all("table", one));

  function show() {
    view = read();
    if (view.theme) document.documentElement.dataset.theme = view.theme;
    else delete document.documentElement.dataset.theme;
    for (const name of ["q", "kind", "theme"]) if (form[name].value !== view[name]) form[name].value = view[name];
    const page = sections.find((one) => one.id === view.page);
    for (const one of sections) {
      // The overview is followed by the first board.
      one.classList.toggle("on", one === page || (page === sections[0] && one === sections[1]));
    }
    shown().forEach(prepare);
    tables().forEach((table, at) => sort(table, view.sort.get(at)));
    mark(page);
    filter();
    document.title = page === sections[0] ? "ntgbench leaderboards" : `${page.querySelector("h2").textContent} - ntgbench`;
  }

  // Navigation: tracks, the datasets of the track, the boards of the dataset.

  const trackOf = (section) => section.dataset.track ?? "";
  const datasetOf = (section) => section.dataset.dataset ?? "";
  const nameOf = (section) => section.dataset.name ?? section.id;

  function mark(page) {
    const nav = document.querySelector("nav");
    const focused = nav.contains(document.activeElement) ? document.activeElement.textContent : null;
    const first = (found) => found.filter(([name], at) => found.findIndex(([other]) => other === name) === at);
    const inTrack = sections.filter((one) => trackOf(one) && trackOf(one) === trackOf(page));
    const inDataset = inTrack.filter((one) => datasetOf(one) === datasetOf(page));
    const tops = first(sections.map((one) => [trackOf(one) || nameOf(one), one]));
    const datasets = first(inTrack.map((one) => [datasetOf(one), one])).map(([name, one]) => {
      const alike = inTrack.find((other) => datasetOf(other) === name && nameOf(other) === nameOf(page));
      return [name, alike ?? one];
    });
    const rows = [
      ["Track", tops, trackOf(page) || nameOf(page)],
      ["Dataset", datasets, datasetOf(page)],
      ["Board", inDataset.map((one) => [nameOf(one), one]), nameOf(page)],
    ];
    nav.replaceChildren(...rows.filter(([, links]) => links.length).map(([label, links, current]) => {
      const list = document.createElement("ul");
      list.setAttribute("aria-label", label);
      for (const [text, section] of links) {
        const a = list.appendChild(document.createElement("li")).appendChild(document.createElement("a"));
        a.dataset.page = section.id;
        a.href = link(section.id);
        a.textContent = text;
        if (text === current) a.setAttribute("aria-current", "true");
      }
      return list;
    }));
    all("[aria-current]", nav).forEach((one) => { one.closest("ul").scrollLeft = one.offsetLeft - 60; });
    if (focused !== null) all("a", nav).find((one) => one.textContent === focused)?.focus();
  }

  // A link of the navigation keeps the focus, which the browser would take away.
  document.querySelector("nav").addEventListener("click", (event) => {
    const to = event.target.closest("a")?.href;
    if (!to || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    history.pushState(null, "", to);
    show();
    scrollTo(0, 0);
  });

  document.querySelector("nav").addEventListener("keydown", (event) => {
    const links = all("a", event.target.closest("ul") ?? undefined);
    const at = links.indexOf(event.target);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: links.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    links[(to + links.length) % links.length].focus();
  });

  // Tables get their buttons when they are first shown.

  function prepare(section) {
    if (section.dataset.ready) return;
    section.dataset.ready = "yes";
    for (const table of all("table", section)) {
      if (!table.caption) continue;
      const title = table.caption.textContent;
      table.parentElement.setAttribute("role", "group");
      table.parentElement.setAttribute("aria-label", title);
      const csv = Object.assign(document.createElement("button"), { type: "button", textContent: "CSV" });
      csv.setAttribute("aria-label", `CSV of ${title}`);
      csv.addEventListener("click", () => save(table, section.id));
      const span = document.createElement("span");
      span.append(title, csv);
      table.caption.replaceChildren(span);
      const names = nameColumn(table);
      [...table.tHead.rows[0].cells].forEach((head, column) => {
        const button = Object.assign(document.createElement("button"), { type: "button" });
        button.append(...head.childNodes);
        button.addEventListener("click", () => turn(table, column));
        head.append(button);
        if (column === names) head.classList.add("names");
      });
      all("tbody th:not([scope])", table).forEach((one) => one.setAttribute("scope", "row"));
      const words = new Set(all("td", table).filter((one) => !quieten(one)).map((one) => one.cellIndex));
      for (const row of words.size ? table.rows : []) {
        for (const at of words) if (at !== names) row.cells[at]?.classList.add("words");
      }
      const places = [...table.tBodies].flatMap((body) => lines(body));
      places.forEach((row, at) => { row.dataset.place = at; });
    }
    for (const one of all("[data-note]", section)) {
      const target = one.querySelector("thead button") ?? one;
      target.title = notes[Number(one.dataset.note)];
      if (target === one) one.tabIndex = 0;
    }
  }

  // An interval is less loud than its number. Returns whether the cell has a number, or a word in place of one.
  function quieten(cell) {
    const node = cell.querySelector("b, strong")?.firstChild ?? cell.firstChild;
    const found = node?.nodeType === Node.TEXT_NODE ? /±| \[/.exec(node.data) : null;
    if (found) {
      const small = document.createElement("small");
      const rest = node.splitText(found.index);
      rest.before(small);
      small.append(rest);
      rest.data = ` ${rest.data.trim().replace("±", "± ")}`;
    }
    if (cell.textContent.length > 40 && !found) cell.classList.add("text");
    return kindOf(cell.textContent.trim()) !== 1;
  }

  const nameColumn = (table) => [...(lines(table.tBodies[0])[0]?.cells ?? [])].findIndex((one) => one.tagName === "TH");
  const lines = (body) => [...body.rows].filter((row) => !row.querySelector("[scope=rowgroup]"));

  // Sorting: numbers by value, then words, then what has no number. References are sorted by themselves.

  const MISSING = /^(-|failed|undefined|outdated|)$/;

  const kindOf = (text) => (/^[+-]?[\d.]/.test(text) ? 0 : MISSING.test(text) ? 2 : 1);

  function value(row, column) {
    const text = row.cells[column].textContent.trim();
    return { kind: kindOf(text), text, number: parseFloat(text.replaceAll(",", "")) };
  }

  function sort(table, how) {
    const heads = [...(table.tHead?.rows[0].cells ?? [])];
    if (!table.caption || (how && how.column >= heads.length)) return;
    heads.forEach((head) => head.removeAttribute("aria-sort"));
    if (how) heads[how.column].setAttribute("aria-sort", how.down ? "descending" : "ascending");
    else if (!table.dataset.sorted) return;
    table.dataset.sorted = "yes";
    for (const body of table.tBodies) {
      const rows = lines(body).map((row) => ({ row, place: Number(row.dataset.place), ...(how ? value(row, how.column) : {}) }));
      rows.sort((a, b) => {
        if (!how) return a.place - b.place;
        if (a.kind !== b.kind) return a.kind - b.kind;
        if (a.kind === 2) return a.place - b.place;
        const order = a.kind === 0 ? a.number - b.number : a.text < b.text ? -1 : Number(a.text > b.text);
        return (how.down ? -order : order) || a.place - b.place;
      });
      body.append(...rows.map(({ row }) => row));
    }
  }

  // A click sorts best first, then the other way round, then as the board was.
  function turn(table, column) {
    const at = tables().indexOf(table);
    const before = view.sort.get(at);
    const first = table.tHead.rows[0].cells[column].textContent.includes("↑");
    if (before?.column !== column) view.sort.set(at, { column, down: first });
    else if (before.down === first) view.sort.set(at, { column, down: !first });
    else view.sort.delete(at);
    sort(table, view.sort.get(at));
    remember();
  }

  // The filters hide lines of the tables whose lines are systems.

  const KINDS = {
    "": () => true,
    ranked: (row) => !row.closest(".references"),
    references: (row) => row.closest(".references"),
    marked: (row) => row.querySelector("th").dataset.note,
    unmarked: (row) => !row.querySelector("th").dataset.note,
  };

  function filter() {
    const words = view.q.toLowerCase().split(/\s+/).filter(Boolean);
    const every = new Set();
    const left = new Set();
    for (const table of tables().filter((one) => one.classList.contains("systems"))) {
      for (const body of table.tBodies) {
        const rows = lines(body);
        for (const row of rows) {
          const name = row.querySelector("th").textContent;
          const low = name.toLowerCase();
          row.hidden = !(KINDS[view.kind](row) && (!words.length || words.some((word) => low.includes(word))));
          every.add(name);
          if (!row.hidden) left.add(name);
        }
        body.hidden = rows.every((row) => row.hidden);
      }
    }
    form.querySelector("output").textContent = every.size ? `${left.size} of ${every.size} shown` : "";
  }

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => {
    for (const name of ["q", "kind", "theme"]) view[name] = form[name].value;
    remember();
    show();
  });

  function save(table, page) {
    const href = URL.createObjectURL(new Blob([csvOf(table)], { type: "text/csv" }));
    const number = all("table", table.closest("section")).indexOf(table) + 1;
    Object.assign(document.createElement("a"), { href, download: `${page}-${number}.csv` }).click();
    setTimeout(() => URL.revokeObjectURL(href), 10_000);
  }

  // Notes: the browser shows a title to a mouse only, so a keyboard and a finger get a bubble.

  function note(target) {
    const about = target?.closest?.("[title]");
    bubble.hidden = !(about && about.closest("[data-note]"));
    if (bubble.hidden) return;
    bubble.textContent = about.title;
    const at = about.getBoundingClientRect();
    const above = at.top - bubble.offsetHeight - 6;
    bubble.style.top = `${above > 0 ? above : at.bottom + 6}px`;
    bubble.style.left = `${Math.max(8, Math.min(at.left, innerWidth - bubble.offsetWidth - 8))}px`;
  }

  addEventListener("focusin", (event) => note(event.target.matches(":focus-visible") ? event.target : null));
  addEventListener("pointerup", (event) => note(event.pointerType === "mouse" ? null : event.target));
  addEventListener("keydown", (event) => { if (event.key === "Escape") note(null); });
  addEventListener("scroll", () => note(null), { capture: true, passive: true });

  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault(); // the address is that of the view
    document.getElementById("main").focus();
  });
  addEventListener("hashchange", () => { show(); scrollTo(0, 0); });
  if (matchMedia("(max-width: 700px)").matches) for (const one of all(".reading")) one.open = false;
  show();
  performance.mark("ready");
});
