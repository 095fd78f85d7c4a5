// The search over all pages, the theme, and the keys. Without it the pages can be read all the same.
"use strict";
const $ = id => document.getElementById(id);
const field = $("search"), box = $("results"), list = $("places"), told = $("found"), button = $("theme");
const MOST = 12, BEFORE = 40, AFTER = 100;  // places that are listed; characters around a word that was found
let places = null, chosen = -1;

// Letters in small ones without their accents, place by place: what is found stands at the same place in the text.
const fold = text => text.replace(/[^\x00-\x7f]/g, character => character.normalize("NFD")[0]).toLowerCase();

// Where a word of the text begins with `word`; -1 for nowhere.
function place(text, word) {
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1))
    if (!at || !/[\p{L}\p{N}]/u.test(text[at - 1])) return at;
  return -1;
}

// How well a place fits all words: its heading counts most, then its chapter; 0 where a word is missing.
function fit(each, words) {
  let sum = 0;
  for (const word of words) {
    const found = (each.folded[0] === word ? 40 : 0) + (place(each.folded[0], word) >= 0 ? 20 : 0)
      + (place(each.folded[1], word) >= 0 ? 4 : 0) + (place(each.folded[2], word) >= 0 ? 1 : 0);
    if (!found) return 0;
    sum += found;
  }
  return sum;
}

function load() {
  if (load.begun) return;
  load.begun = true;
  const script = document.createElement("script");
  script.src = "search-data.js";
  script.addEventListener("error", () => {
    box.hidden = false;
    told.textContent = "What the search needs is missing: search-data.js.";
  });
  script.addEventListener("load", () => {
    places = window.labkitPlaces.map(([page, anchor, chapter, heading, text]) =>
      ({ address: anchor ? `${page}#${anchor}` : page, chapter, heading, text, folded: [heading, chapter, text].map(fold) }));
    find();
  });
  document.head.append(script);
}

// The text around the first word that stands in it, with all words marked.
function excerpt(each, words) {
  const line = document.createElement("span");
  const firsts = words.map(word => place(each.folded[2], word)).filter(at => at >= 0);
  const from = Math.max(0, Math.min(...firsts, each.text.length) - BEFORE);
  const begin = firsts.length && from ? each.text.indexOf(" ", from) + 1 : 0;
  const far = begin + BEFORE + AFTER;
  const end = far < each.text.length ? Math.max(each.text.lastIndexOf(" ", far), begin + BEFORE) : each.text.length;
  let at = begin;
  while (at < end) {
    const next = words.map(word => [place(each.folded[2].slice(at, end), word), word.length])
      .filter(([where]) => where >= 0).sort((a, b) => a[0] - b[0] || b[1] - a[1])[0];
    if (!next) break;
    const mark = document.createElement("mark");
    mark.textContent = each.text.slice(at + next[0], at + next[0] + next[1]);
    line.append(each.text.slice(at, at + next[0]), mark);
    at += next[0] + next[1];
  }
  line.prepend(begin ? "… " : "");
  line.append(each.text.slice(at, Math.max(at, end)), end < each.text.length ? " …" : "");
  return line;
}

function find() {
  const words = fold(field.value).split(/\s+/).filter(Boolean);
  if (!places || !words.length) return close();
  const fits = places.map(each => [fit(each, words), each]).filter(([sum]) => sum).sort((a, b) => b[0] - a[0]);
  list.replaceChildren(...fits.slice(0, MOST).map(([, each], number) => {
    const option = document.createElement("a"), heading = document.createElement("b"), chapter = document.createElement("small");
    heading.textContent = each.heading;
    chapter.textContent = each.heading === each.chapter ? "" : each.chapter;
    Object.assign(option, { href: each.address, id: `place-${number}` });
    option.setAttribute("role", "option");
    option.append(heading, " ", chapter, excerpt(each, words));
    return option;
  }));
  box.hidden = false;
  const count = fits.length === 1 ? "1 place" : `${fits.length} places`;
  const more = fits.length > MOST ? `, the best ${MOST} below` : "";
  told.textContent = fits.length ? `${count}${more}` : "Nothing holds all of these words.";
  field.setAttribute("aria-expanded", "true");
  choose(fits.length ? 0 : -1);
}

function choose(number) {
  chosen = number;
  [...list.children].forEach((option, at) => option.setAttribute("aria-selected", String(at === chosen)));
  const option = list.children[chosen];
  if (option && chosen >= 0) {
    field.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  } else field.removeAttribute("aria-activedescendant");
}

function close() {
  box.hidden = true;
  list.replaceChildren();
  told.textContent = "";
  field.setAttribute("aria-expanded", "false");
  choose(-1);
}

field.addEventListener("focus", load);
field.addEventListener("input", find);
field.addEventListener("keydown", event => {
  const count = chosen < 0 ? 0 : list.children.length;
  if (event.key === "ArrowDown" && count) choose((chosen + 1) % count);
  else if (event.key === "ArrowUp" && count) choose((chosen + count - 1) % count);
  else if (event.key === "Enter" && count) list.children[chosen].click();
  else if (event.key === "Escape") {
    field.value = "";
    close();
    field.blur();
  } else return;
  event.preventDefault();
});
field.parentElement.addEventListener("focusout", event => {
  if (!field.parentElement.contains(event.relatedTarget)) close();
});
list.addEventListener("click", event => {
  if (event.target.closest("a")) {
    close();
    field.blur();
  }
});

addEventListener("keydown", event => {
  const held = event.ctrlKey || event.metaKey || event.altKey || event.shiftKey;
  if (event.defaultPrevented || held || event.target.closest("input, [tabindex='0']")) return;
  if (event.key === "/") field.focus();
  else if (event.key === "ArrowLeft") document.querySelector("a[rel=prev]")?.click();
  else if (event.key === "ArrowRight") document.querySelector("a[rel=next]")?.click();
  else return;
  event.preventDefault();
});

// What is wider than its box can be reached by keys, so that the arrows scroll it.
function reach() {
  for (const wide of document.querySelectorAll(".wide, pre")) {
    if (wide.scrollWidth > wide.clientWidth) wide.tabIndex = 0;
    else wide.removeAttribute("tabindex");
  }
}
addEventListener("resize", reach);
addEventListener("load", reach);

const system = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (document.documentElement.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
function name() {
  button.textContent = isDark() ? "Light" : "Dark";
  button.setAttribute("aria-label", `${button.textContent} theme`);
}
button.addEventListener("click", () => {
  const next = isDark() ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  try {
    localStorage.setItem(THEME, next);
  } catch {}  // it holds for this page alone
  name();
});
system.addEventListener("change", name);
name();
button.hidden = field.parentElement.hidden = false;
