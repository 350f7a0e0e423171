// The search of the book. Its words are in search-data.js, which is loaded when somebody searches; Stemmer and stopwords come from Sphinx (language_data.js).
// A page whose title is what was asked for comes first. Then come pages that say much about it, chapters before the glossary,
// that before pages and lessons, real people before the stand-in; at last pages that only mention it, in the same order.
const bookSearch = (() => {
  const KINDS = {
    chapter: [0, "chapter"], glossary: [1, "glossary"], page: [2, ""], lesson: [2, "lesson"],
    real: [3, "real people"], library: [4, "library"], synthetic: [5, "synthetic"],
  };
  const ASKING = "how big large much many what when where which who whom whose why does do did can i we you my our me about".split(" ");
  const FIRST = 10;
  let stemmer = null;
  const stems = new Map();
  const split = (text) => text.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "").match(/[\p{L}\p{N}]+/gu) || [];
  const stem = (word) => {
    stemmer = stemmer || new Stemmer();
    if (!stems.has(word)) stems.set(word, stemmer.stemWord(word));
    return stems.get(word);
  };

  const counted = (text) => {
    const counts = new Map();
    for (const word of split(text)) counts.set(stem(word), (counts.get(stem(word)) || 0) + 1);
    return counts;
  };
  let index = null;
  const indexed = () => index || (index = window.bookPages.map(([address, kind, sections]) => ({
    address, kind, title: sections.length ? sections[0][1] : address,
    sections: sections.map(([id, heading, text]) => ({ id, heading, text, head: counted(heading), body: counted(text) })),
  })));

  const termsOf = (query) => {
    const words = split(query);
    const telling = words.filter((word) => !stopwords.includes(word) && !ASKING.includes(word));
    return [...new Set((telling.length ? telling : words).map(stem))];
  };

  // How well a section answers: a word of its heading counts more than words of its text.
  const times = (counts, term) => counts.get(term) ||
    (term.length > 3 ? [...counts.keys()].filter((other) => other.startsWith(term)).length / 2 : 0);
  const worth = (section, term) => {
    const often = times(section.body, term);
    return (times(section.head, term) ? 4 : 0) + 2 * often / (often + 2);
  };

  const scored = (page, terms, rarity) => {
    const title = page.sections.length ? page.sections[0].head : new Map();
    let sum = 0;
    let found = 0;
    let inTitle = 0;
    let saysMuch = true;
    for (const term of terms) {
      const best = Math.max(0, ...page.sections.map((section) => worth(section, term)));
      const titled = times(title, term) ? 1 : 0;
      inTitle += titled;
      found += best || titled ? 1 : 0;
      saysMuch = saysMuch && best > 1.2; // in a heading, or three times in one section
      sum += rarity.get(term) * (best + 6 * titled);
    }
    const share = found / terms.length;
    const fit = inTitle / (terms.length + Math.max(0, title.size - inTitle) / 2);
    const tier = KINDS[page.kind][0];
    const isNamed = inTitle === terms.length && title.size === terms.length && tier < 3;
    const rank = isNamed ? -1 : tier + (saysMuch || (inTitle && found === terms.length) ? 0 : 10);
    return { found, rank, score: (sum + 4 * fit) * share * share };
  };

  const search = (query) => {
    const terms = termsOf(query);
    const pages = indexed();
    const rarity = new Map(terms.map((term) => {
      const holding = pages.filter((page) => page.sections.some((section) => worth(section, term))).length;
      return [term, Math.log(1 + pages.length / (1 + holding))];
    }));
    const hits = pages.map((page) => ({ page, ...scored(page, terms, rarity) })).filter((hit) => hit.found);
    const most = Math.max(0, ...hits.map((hit) => hit.found));
    for (const hit of hits) {
      const sum = (section) => terms.reduce((total, term) => total + worth(section, term) * rarity.get(term), 0);
      hit.section = hit.page.sections.reduce((best, section) => (sum(section) > sum(best) ? section : best));
    }
    return { terms, hits: hits.filter((hit) => hit.found === most).sort((a, b) => a.rank - b.rank || b.score - a.score) };
  };

  // ----- what is shown; every text is set as a text -----

  const made = (name, text = "", kind = "") => {
    const element = document.createElement(name);
    element.textContent = text;
    if (kind) element.className = kind;
    return element;
  };
  const around = (text, terms) => {
    const paragraph = made("p");
    const words = [...text.matchAll(/[\p{L}\p{N}\p{M}]+/gu)];
    const isTerm = (word) => split(word[0]).some((part) => terms.some((term) => stem(part).startsWith(term)));
    const first = words.findIndex(isTerm);
    const start = Math.max(0, first - 12);
    const shown = words.slice(start, start + 34);
    if (!shown.length) return null;
    let place = shown[0].index;
    if (start) paragraph.append("… ");
    for (const word of shown) {
      paragraph.append(text.slice(place, word.index), isTerm(word) ? made("mark", word[0]) : word[0]);
      place = word.index + word[0].length;
    }
    const isWhole = start + 34 >= words.length;
    paragraph.append(isWhole ? text.slice(place) : " …");
    return paragraph;
  };
  const line = ({ page, section }, terms) => {
    const item = made("li");
    const isTop = section === page.sections[0];
    const link = made("a", isTop ? page.title : `${page.title} – ${section.heading}`);
    link.href = page.address + (isTop ? "" : `#${section.id}`);
    item.append(link);
    if (KINDS[page.kind][1]) item.append(made("span", KINDS[page.kind][1], "search-kind"));
    const context = around(section.text, terms);
    if (context) item.append(context);
    return item;
  };

  const loaded = () => new Promise((resolve, reject) => {
    const script = made("script");
    script.src = "search-data.js";
    script.addEventListener("load", resolve);
    script.addEventListener("error", reject);
    document.head.append(script);
  });
  const show = async (query) => {
    const place = document.getElementById("search-results");
    const status = made("p");
    status.setAttribute("role", "status");
    place.replaceChildren(status);
    if (!query.trim()) return;
    if (!window.bookPages) {
      status.textContent = "Searching";
      await loaded();
    }
    const { terms, hits } = search(query);
    status.textContent = hits.length ? `${hits.length} ${hits.length === 1 ? "page" : "pages"} found` :
      "Nothing was found. Try another word, or a shorter one.";
    const list = made("ul", "", "search-list");
    const more = made("button", "Show more", "btn btn-sm btn-outline-primary");
    more.type = "button";
    const add = (count) => {
      const from = list.children.length;
      for (const hit of hits.slice(from, from + count)) list.append(line(hit, terms));
      more.hidden = list.children.length >= hits.length;
      return list.children[from];
    };
    more.addEventListener("click", () => {
      const next = add(2 * FIRST);
      if (next) next.querySelector("a").focus();
    });
    add(FIRST);
    place.append(list, more);
  };
  return { search, show };
})();

document.addEventListener("DOMContentLoaded", () => {
  const query = new URLSearchParams(location.search).get("q") || "";
  for (const field of document.querySelectorAll("input[name=q]")) field.value = query;
  const field = document.querySelector(".bd-search-container input[name=q]");
  if (field && !query) field.focus();
  if (field) {
    field.form.addEventListener("submit", (event) => {
      event.preventDefault();
      history.replaceState(null, "", `?q=${encodeURIComponent(field.value)}`);
      bookSearch.show(field.value);
    });
  }
  bookSearch.show(query);
});
