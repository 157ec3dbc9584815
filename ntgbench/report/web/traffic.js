// Draws the traffic of the chosen system and class into the pictures of a section, as pictures/biflows.py does.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const stored = document.getElementById("traffic");
  if (!stored) return;
  const every = JSON.parse(stored.textContent);
  const BASE = 43;
  const ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!#$%()*+,-./:;=?@[]^_{|}";
  const TOPS = [0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1];
  const FULL = 0.5;

  // Counts from text, see ntgbench/profiles.py.
  function unpacked(text, size) {
    const counts = [];
    let value = 0;
    let afterZero = false;
    for (const letter of text) {
      const digit = ALPHABET.indexOf(letter);
      value = value * BASE + digit % BASE;
      if (digit >= BASE) continue;
      if (afterZero) counts.push(...Array(Math.min(value, size)).fill(0));
      else counts.push(value);
      afterZero = value === 0 && !afterZero;
      value = 0;
    }
    return Array.from({ length: size }, (_, at) => counts[at] ?? 0);
  }

  function sequences(text, longest) {
    const rows = [[]];
    for (const code of unpacked(text, 1000)) {
      if (code) rows.at(-1).push(code % 2 ? -(code + 1) / 2 : code / 2);
      else rows.push([]);
    }
    return rows.filter((row) => row.length).map((row) => row.slice(0, longest));
  }

  const shares = (counts) => {
    const total = counts.reduce((sum, one) => sum + one, 0);
    return counts.map((one) => (total ? one / total : 0));
  };
  const percent = (share) => `${(100 * share).toFixed(1)}%`;
  const number = (value) => String(Number(value.toFixed(1)));

  for (const section of document.querySelectorAll("section.traffic")) {
    const data = every[Number(section.dataset.place)];
    if (data.systems.length) show(section, data);
  }

  function show(section, data) {
    const [systems, classes] = section.querySelectorAll(".choice select");
    const dataset = section.dataset.dataset;
    let told = section.querySelector(".shown").textContent;
    let drawnClasses = data.reals[data.systems[0][1]].classes;

    const given = () => new URLSearchParams(location.hash.slice(1).split("&").slice(1).join("&"));
    const isShown = () => location.hash.slice(1).split("&")[0] === section.id;

    // The choice of the address, where it is there; else the first system and all classes.
    function read() {
      if (!isShown()) return;
      systems.selectedIndex = Math.max(0, data.systems.findIndex(([name]) => name === given().get("system")));
      name();
      classes.selectedIndex = 1 + drawnClasses.indexOf(given().get("class"));
      draw();
    }

    function name() {
      const known = data.reals[data.systems[systems.selectedIndex][1]].classes;
      if (known === drawnClasses) return;
      const before = drawnClasses[classes.selectedIndex - 1];
      drawnClasses = known;
      classes.replaceChildren(classes.options[0], ...known.map((one) => new Option(one)));
      classes.selectedIndex = 1 + known.indexOf(before);
    }

    function remember() {
      const rest = given();
      const chosen = { system: systems.selectedIndex, class: classes.selectedIndex };
      for (const [key, at] of Object.entries(chosen)) {
        if (at) rest.set(key, key === "system" ? data.systems[at][0] : drawnClasses[at - 1]);
        else rest.delete(key);
      }
      const parts = [...rest].map(([key, value]) => `${key}=${encodeURIComponent(value)}`);
      history.replaceState(null, "", `#${[section.id, ...parts].join("&")}`);
    }

    function draw() {
      const [system, place, made] = data.systems[systems.selectedIndex];
      const real = data.reals[place];
      const group = classes.selectedIndex;
      const text = (parts, part) => parts[part]?.split(" ")[group] ?? "";
      const both = (part, size) => [real.parts, made].map((parts) => unpacked(text(parts, part), size));
      const what = `${dataset}, ${group ? `class ${drawnClasses[group - 1]}` : "all classes"}, ${system} beside real traffic`;
      section.querySelector(".shown").textContent = what;
      for (const svg of section.querySelectorAll("svg[data-part]")) {
        svg.setAttribute("aria-label", svg.getAttribute("aria-label").replace(told, () => what));
      }
      told = what;
      const packets = bars("packets", both("packets", real.packets.length).map(shares), real.packets);
      const lengths = bars("lengths", both("lengths", real.lengths.length).map(shares), real.lengths);
      const size = real.states.length;
      const rows = both("transitions", size ** 2).map((counts) => {
        const starts = Array.from({ length: size }, (_, at) => at * size);
        return starts.flatMap((at) => shares(counts.slice(at, at + size)));
      });
      matrices(rows, real.states);
      examples(text(made, "examples"), real.longest);
      const names = [...real.packets, ...real.lengths];
      [...section.querySelectorAll("tbody tr")].forEach((row, at) => {
        row.cells[0].textContent = names[at];
        [0, 1].forEach((side) => { row.cells[1 + side].textContent = percent([...packets[side], ...lengths[side]][at]); });
      });
    }

    function bars(part, both, names) {
      const svg = section.querySelector(`svg[data-part=${part}]`);
      const highest = Math.max(...both.flat());
      const top = TOPS.find((one) => one >= highest - 1e-9) ?? 1;
      const boxes = [...svg.querySelectorAll(".told rect")];
      const [left, above, wide, tall] = ["x", "y", "width", "height"].map((key) => Number(boxes[0].getAttribute(key)));
      const slot = boxes.length > 1 ? (Number(boxes.at(-1).getAttribute("x")) - left) / (boxes.length - 1) : wide;
      const bottom = number(above + tall);
      [...svg.querySelectorAll(".ticks text")].forEach((tick, at) => { tick.textContent = `${Number((50 * top * at).toFixed(1))}%`; });
      ["real", "synthetic"].forEach((side, place) => {
        const path = both[place].map((share, at) => (share ? `M${number(left + slot * (at + 0.08 + 0.42 * place))} ${bottom}` +
          `v-${number(share / top * tall)}h${number(0.42 * slot)}V${bottom}z` : ""));
        svg.querySelector(`path.${side}`).setAttribute("d", path.join(""));
      });
      boxes.forEach((box, at) => {
        box.firstChild.textContent = `${names[at]}: real ${percent(both[0][at])}, synthetic ${percent(both[1][at])}`;
      });
      return both;
    }

    function matrices(both, names) {
      const svg = section.querySelector("svg[data-part=transitions]");
      const less = both[1].map((share, at) => share - both[0][at]);
      const size = names.length;
      const row = (at) => (at === size - 1 ? "begin" : names[at]);
      ["real", "synthetic", "difference"].forEach((panel, place) => {
        [...svg.querySelectorAll(`g.${panel} path`)].forEach((cell, at) => {
          const value = (both[place] ?? less)[at];
          cell.setAttribute("fill-opacity", Math.min(Math.abs(value) / (place === 2 ? FULL : 1), 1).toFixed(2));
          if (place === 2) cell.style.fill = value < 0 ? "var(--c1, #1f77c9)" : "";
          const sign = place === 2 && value >= 0 ? "+" : "";
          cell.firstChild.textContent = `${row(Math.floor(at / size))} → ${names[at % size]}: ${sign}${percent(value)}`;
        });
      });
    }

    function examples(text, longest) {
      const svg = section.querySelector("svg[data-part=examples]");
      const paths = [...svg.querySelectorAll("path.example")];
      const rows = sequences(text, Number(svg.querySelector("[data-most]").dataset.most));
      svg.querySelector(".none").textContent = rows.length ? "" : svg.querySelector("[data-none]").dataset.none;
      paths.forEach((path, place) => {
        const [left, middle, slot, tall] = ["left", "middle", "slot", "tall"].map((key) => Number(path.dataset[key]));
        const row = rows[place] ?? [];
        path.setAttribute("d", row.map((length, at) => {
          const high = Math.max(Math.min(Math.abs(length) / longest, 1) * tall, 1) * Math.sign(length);
          return `M${number(left + slot * (at + 0.1))} ${number(middle)}v${number(-high)}h${number(slot * 0.8)}V${number(middle)}z`;
        }).join(""));
        path.firstChild.textContent = row.join(", ");
      });
    }

    section.querySelector(".choice").addEventListener("change", () => {
      name();
      remember();
      draw();
    });
    addEventListener("hashchange", read);
    read();
  }
});
