"use strict";
// Marks what belongs to a line in all columns. A line is of a set of statements; sets are numbered.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const columns = [...document.querySelectorAll(".column")];
  const said = document.getElementById("said");
  const members = data.sets.map(() => []); // number of a set -> the elements that are of it
  const setOf = new Map(); // element -> the number of its set
  let marked = [], shownSet = null, pinned = null;

  // -- reading the page ----------------------------------------------------------------------

  for (const list of document.querySelectorAll(".lines")) {
    const items = list.children;
    let k = 0;
    for (const run of list.dataset.runs.split(" ")) {
      const [set, times] = run.split("*").map(Number);
      for (let n = times || 1; n && k < items.length; n -= 1, k += 1) {
        items[k].setAttribute("role", "option");
        items[k].setAttribute("aria-selected", "false");
        items[k].tabIndex = -1;
        setOf.set(items[k], set);
        if (set) members[set].push(items[k]);
      }
    }
  }
  for (const box of document.querySelectorAll(".picture [data-of]")) {
    const set = Number(box.dataset.of);
    setOf.set(box, set);
    if (set) members[set].push(box);
  }
  const linesOf = (column) =>
    [...column.querySelectorAll(".lines li")].filter((li) => !li.closest("[hidden]"));
  const columnOf = (element) => element.closest(".column");
  const isOpen = (column) => !column.classList.contains("folded");

  const setStop = (line) => { // Tab stops at one line of each column
    const old = columnOf(line).querySelector('.lines li[tabindex="0"]');
    if (old) old.tabIndex = -1;
    line.tabIndex = 0;
  };
  for (const column of columns) {
    const first = linesOf(column)[0];
    if (first) setStop(first);
  }

  // -- marking -------------------------------------------------------------------------------

  // What a set means: the statements themselves, and their adjoints or what they are adjoints of.
  // Of a line of the source, the adjoints among its statements are the other kind.
  const meaning = (set, element) => {
    let own = data.sets[set];
    if (element && element.closest("#source")) {
      const values = own.filter((s) => !data.adjointOf[s].length);
      if (values.length) own = values;
    }
    const same = new Set(own), other = new Set();
    for (const s of [...data.sets[set], ...own.flatMap((s) => [...data.adjoints[s], ...data.adjointOf[s]])])
      if (!same.has(s)) other.add(s);
    return [same, other];
  };

  // How a set is marked, and whether it belongs to what is marked but weakly, as what a loop of
  // many statements does for all of them.
  const kindsOf = (statements, same, other) => {
    const count = (kind) => statements.filter((s) => kind.has(s)).length;
    const own = count(same), others = count(other);
    return [own ? "m" : others ? "a" : "", 2 * (own + others) < statements.length];
  };

  const clear = () => {
    for (const element of marked) {
      element.classList.remove("m", "a", "w");
      if (element.role === "option") element.setAttribute("aria-selected", "false");
    }
    marked = [];
    for (const rail of document.querySelectorAll(".rail")) rail.replaceChildren();
  };

  const mark = (element) => {
    const set = setOf.get(element);
    if (shownSet === element) return;
    clear();
    shownSet = element;
    if (!set) return;
    const [same, other] = meaning(set, element);
    data.sets.forEach((statements, k) => {
      const [whole, part] = kindsOf(statements, same, other);
      if (!whole) return;
      for (const found of members[k]) {
        const kind = part && !found.closest("#source") ? "w" : whole;
        found.classList.add(kind);
        if (kind === "m" && found.role === "option") found.setAttribute("aria-selected", "true");
        marked.push(found);
      }
    });
    columns.filter(isOpen).forEach(drawRail);
    tell(same, other);
  };

  // The column's rail shows where marked lines lie; all is measured before anything is drawn.
  const drawRail = (column) => {
    const body = column.querySelector(".body"), rail = column.querySelector(".rail");
    const height = body.scrollHeight, top = body.getBoundingClientRect().top - body.scrollTop;
    const pieces = [];
    for (const line of marked) {
      if (columnOf(line) !== column || line.closest("[hidden]") || line.classList.contains("w")) continue;
      const kind = line.classList.contains("m") ? "m" : "a", box = line.getBoundingClientRect();
      pieces.push({ kind, at: box.top - top, end: box.bottom - top });
    }
    pieces.sort((one, two) => (one.kind === two.kind ? one.at - two.at : one.kind < two.kind ? -1 : 1));
    const merged = [];
    for (const piece of pieces) {
      const last = merged.at(-1);
      if (last && last.kind === piece.kind && piece.at - last.end < height / 300) last.end = piece.end;
      else merged.push(piece);
    }
    rail.replaceChildren(...merged.map(({ kind, at, end }) => {
      const mark = document.createElement("i");
      mark.className = kind;
      mark.style.top = `${(100 * at) / height}%`;
      mark.style.height = `${(100 * (end - at)) / height}%`;
      return mark;
    }));
  };

  const plural = (n, what) => `${n.toLocaleString("en")} ${what}${n === 1 ? "" : "s"}`;
  const tell = (same, other) => {
    const names = { source: "source line", program: "Program line", mlir: "MLIR line", llvm: "LLVM IR line", assembly: "assembly line" };
    const counts = Object.entries(names).map(([id, name]) =>
      plural(document.querySelectorAll(`#${id} .lines .m`).length, name));
    const statements = [...same];
    const first = statements.length === 1 ? data.words[statements[0]] : plural(statements.length, "statement");
    const rest = other.size ? `; ${plural(other.size, "statement")} of the other direction` : "";
    said.textContent = `${pinned ? "Pinned" : "Marked"}: ${first}${rest}. ${counts.join(", ")}.`;
  };

  // Scroll the other columns to the first line that is marked, if none is in sight.
  const reveal = (origin) => {
    for (const column of columns.filter(isOpen)) {
      if (origin && column === columnOf(origin)) continue;
      const body = column.querySelector(".body"), seen = body.getBoundingClientRect();
      const lines = linesOf(column).filter((li) => li.classList.contains("m"));
      const boxes = lines.map((li) => li.getBoundingClientRect());
      if (!lines.length || boxes.some((b) => b.top >= seen.top && b.bottom <= seen.bottom)) continue;
      body.scrollTop += boxes[0].top - seen.top - seen.height / 4;
    }
  };

  const pin = (element) => {
    pinned = element;
    shownSet = null;
    document.body.classList.add("pinned");
    mark(element);
    reveal(element);
  };
  const unpin = () => {
    pinned = null;
    document.body.classList.remove("pinned");
    clear();
    shownSet = null;
    said.textContent = "Nothing is marked.";
  };

  // -- the mouse -----------------------------------------------------------------------------

  const target = (event) => event.target.closest(".lines li, .picture [data-of]");
  document.addEventListener("mouseover", (event) => {
    const element = target(event);
    if (element && !pinned) mark(element);
  });
  document.addEventListener("click", (event) => {
    const element = target(event);
    if (!element || String(getSelection())) return;
    if (columnOf(element)) setStop(element);
    if (pinned === element) unpin();
    else if (setOf.get(element)) pin(element);
  });

  // -- the keyboard --------------------------------------------------------------------------

  const go = (line) => {
    setStop(line);
    line.focus({ preventScroll: true });
    line.scrollIntoView({ block: "nearest", inline: "nearest" });
  };
  document.addEventListener("focusin", (event) => {
    if (!event.target.matches(".lines li") || pinned || !event.target.matches(":focus-visible")) return;
    mark(event.target);
    reveal(event.target);
  });

  const aside = (line, step) => {
    const open = columns.filter((c) => isOpen(c) && linesOf(c).length);
    const next = open[open.indexOf(columnOf(line)) + step];
    if (!next) return null;
    const seen = next.querySelector(".body").getBoundingClientRect();
    const lines = linesOf(next);
    const inSight = (li) => li.getBoundingClientRect().top >= seen.top && li.getBoundingClientRect().bottom <= seen.bottom;
    return lines.find((li) => li.classList.contains("m") && inSight(li))
      || lines.find((li) => li.classList.contains("m")) || next.querySelector('.lines li[tabindex="0"]') || lines[0];
  };
  const along = (line, step) => {
    const lines = linesOf(columnOf(line));
    return lines[Math.min(Math.max(lines.indexOf(line) + step, 0), lines.length - 1)];
  };
  const markedAlong = (line, step) => {
    const lines = linesOf(columnOf(line));
    for (let k = lines.indexOf(line) + step; k >= 0 && k < lines.length; k += step)
      if (lines[k].matches(".m, .a") && !(lines[k - step] && lines[k - step].matches(".m, .a"))) return lines[k];
    return null;
  };
  const moves = {
    ArrowDown: (line) => along(line, 1), j: (line) => along(line, 1),
    ArrowUp: (line) => along(line, -1), k: (line) => along(line, -1),
    PageDown: (line) => along(line, 20), PageUp: (line) => along(line, -20),
    Home: (line) => along(line, -1e9), End: (line) => along(line, 1e9),
    ArrowRight: (line) => aside(line, 1), l: (line) => aside(line, 1),
    ArrowLeft: (line) => aside(line, -1), h: (line) => aside(line, -1),
    n: (line) => markedAlong(line, 1), p: (line) => markedAlong(line, -1),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      const help = document.querySelector(".help[open]");
      if (help) help.open = false;
      else unpin();
      return;
    }
    const line = event.target.closest && event.target.closest(".lines li");
    if (!line) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      if (pinned === line) unpin();
      else if (setOf.get(line)) pin(line);
    } else if (moves[event.key]) {
      event.preventDefault();
      const next = moves[event.key](line);
      if (next) go(next);
    }
  });

  // -- what else can be pressed --------------------------------------------------------------

  for (const column of columns)
    column.querySelector(".fold").addEventListener("click", (event) => {
      const folded = column.classList.toggle("folded");
      event.currentTarget.setAttribute("aria-expanded", String(!folded));
    });
  for (const tab of document.querySelectorAll(".tabs button"))
    tab.addEventListener("click", () => {
      for (const other of document.querySelectorAll(".tabs button")) {
        other.setAttribute("aria-pressed", String(other === tab));
        document.getElementById(other.dataset.shows).hidden = other !== tab;
      }
      const column = columnOf(tab), line = linesOf(column)[0];
      column.querySelector(".rail").replaceChildren();
      if (line) setStop(line);
      if (shownSet) {
        drawRail(column);
        reveal(null);
      }
    });
  for (const button of document.querySelectorAll(".costliest button"))
    button.addEventListener("click", () => {
      const list = document.querySelector(`.lines[data-file="${button.dataset.file}"]`);
      const line = list.children[Number(button.dataset.at)];
      const column = columnOf(list);
      if (!isOpen(column)) column.querySelector(".fold").click();
      pin(line);
      reveal(null);
    });
  const theme = document.getElementById("theme"), root = document.documentElement;
  const dark = () => getComputedStyle(root).colorScheme === "dark"
    || (!root.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
  const sayTheme = () => theme.setAttribute("aria-pressed", String(dark()));
  theme.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    sayTheme();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", sayTheme);
  sayTheme();

  // On paper everything is open that was asked for on the screen, and what lies below.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll(".more details:not([open]):not([data-empty])")];
    for (const details of closed) details.open = true;
  });
  addEventListener("afterprint", () => closed.forEach((details) => { details.open = false; }));

  // -- a page that a server makes anew -------------------------------------------------------

  if ("live" in document.body.dataset) {
    let version = null;
    setInterval(async () => {
      try {
        const now = await (await fetch("/version")).text();
        if (version !== null && now !== version) location.reload();
        version = now;
      } catch { /* the server has ended, and what is here stays */ }
    }, 500);
  }
})();
