// Search, links and keys. The page is whole without it.
(() => {
  "use strict";
  const get = (id) => document.getElementById(id);
  const [bar, field, hits, index] = ["bar", "search", "hits", "index"].map(get);
  const parts = [...document.querySelectorAll(".part")];
  const all = [...document.querySelectorAll("main details")];
  const highlights = globalThis.CSS && CSS.highlights;
  const MOST_DRAWN = 5000;

  let texts = null; // The text nodes of each part, in small letters, gathered at the first search.
  let found = []; // Each hit as [text node, offset].
  let length = 0;
  let here = -1;
  const opened = new Set(); // What a search opened, to be closed after it.

  function gather() {
    return parts.map((part) => {
      const nodes = [];
      const walk = document.createTreeWalker(part, NodeFilter.SHOW_TEXT);
      while (walk.nextNode()) {
        const text = walk.currentNode.data;
        const small = text.toLowerCase();
        // A few letters change their length in small: then offsets would be wrong.
        nodes.push([walk.currentNode, small.length === text.length ? small : text]);
      }
      return nodes;
    });
  }

  const plural = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;

  function search() {
    const wanted = field.value.trim().toLowerCase();
    texts ??= gather();
    found = [];
    length = wanted.length;
    here = -1;
    for (const details of opened) details.open = false;
    opened.clear();
    let holding = 0;
    parts.forEach((part, number) => {
      const before = found.length;
      if (wanted) {
        for (const [node, text] of texts[number]) {
          for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + length)) found.push([node, at]);
        }
      }
      part.hidden = wanted !== "" && found.length === before;
      holding += found.length > before;
    });
    for (const [node] of found) open(node);
    hits.textContent = wanted ? `${plural(found.length, "hit")} in ${plural(holding, "part")}` : "";
    get("before").disabled = get("next").disabled = found.length === 0;
    draw();
  }

  function open(node) {
    for (let up = node.parentElement.closest("details"); up; up = up.parentElement.closest("details")) {
      // A summary is seen while its details are closed.
      if (!up.open && !up.firstElementChild.contains(node)) {
        up.open = true;
        opened.add(up);
      }
    }
  }

  const range = ([node, at]) => {
    const range = new Range();
    range.setStart(node, at);
    range.setEnd(node, at + length);
    return range;
  };

  function draw() {
    if (!highlights) return;
    highlights.set("hit", new Highlight(...found.slice(0, MOST_DRAWN).map(range)));
    highlights.set("here", new Highlight(...found.slice(here, here + 1).map(range)));
  }

  function go(step) {
    if (found.length === 0) return;
    here = here < 0 ? (step > 0 ? 0 : found.length - 1) : (here + step + found.length) % found.length;
    open(found[here][0]);
    draw();
    hits.textContent = `${(here + 1).toLocaleString("en")} of ${plural(found.length, "hit")}`;
    const box = range(found[here]).getBoundingClientRect();
    scrollBy({ top: box.top - innerHeight / 3, behavior: "instant" });
  }

  function clear() {
    field.value = "";
    search();
  }

  let waiting = 0;
  field.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(search, 100);
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      event.preventDefault();
      go(event.shiftKey ? -1 : 1);
    } else if (event.key === "Escape") {
      clear();
      field.blur();
    }
  });
  get("before").addEventListener("click", () => go(-1));
  get("next").addEventListener("click", () => go(1));
  document.addEventListener("keydown", (event) => {
    const typing = event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input");
    if (event.key === "/" && !typing) {
      event.preventDefault();
      field.focus();
      field.select();
    }
  });

  get("all").addEventListener("click", () => {
    const wanted = !all.every((details) => details.open);
    for (const details of all) details.open = wanted;
    opened.clear();
    get("all").textContent = wanted ? "Close all" : "Open all";
  });

  // A link to a step that a search left out ends the search.
  function arrive() {
    const target = location.hash.length > 1 && get(location.hash.slice(1));
    if (target && target.hidden) {
      clear();
      target.scrollIntoView();
    }
  }
  addEventListener("hashchange", arrive);
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (!link) return;
    if (link.hash === location.hash) arrive();
    if (link.classList.contains("anchor") && navigator.clipboard) {
      navigator.clipboard.writeText(link.href).then(() => (hits.textContent = "link copied"), () => {});
    }
  });

  // Paper cannot be opened.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = all.filter((details) => !details.open);
    for (const details of closed) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of closed) details.open = false;
  });

  if (matchMedia("(min-width: 68rem)").matches) index.open = true;
  for (const keys of document.querySelectorAll(".keys")) keys.hidden = false;
  bar.hidden = false;
})();
