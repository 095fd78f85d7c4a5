// The bench: shows one answer at a time, and saves each key press before it shows what the key did.
"use strict";
const $ = id => document.getElementById(id);
const token = document.querySelector('meta[name="labkit-token"]').content;
const COMMENT_KEYS = ["q", "w", "e", "r", "t", "y"];
const PATIENCE = 1500;  // milliseconds between two tries to save
let card = null;        // what is shown
let mark = {};          // as the server has it
let similar = null;     // the marked answer that is offered
let upcoming = null;    // a promise of the card that comes next
let queue = Promise.resolve();
const seen = [];        // where one came from

async function api(path, query = {}, body) {
  const address = `${path}?${new URLSearchParams(query)}`;
  const answer = await fetch(address, {
    method: body ? "POST" : "GET", headers: { "X-Labkit-Token": token }, body: body && JSON.stringify(body),
  }).catch(() => { throw Object.assign(new Error("labkit mark does not answer. Does it still run?"), { lost: true }); });
  const said = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(said.error || "labkit could not do this."), { told: true });
  return said;
}

function tell(text) {
  $("told").textContent = text;
  clearTimeout(tell.timer);
  tell.timer = setTimeout(() => { $("told").textContent = ""; }, Math.max(4000, 60 * text.length));
}

addEventListener("unhandledrejection", event => {  // of any key: what the server said, or that it said nothing
  if (!event.reason.told && !event.reason.lost) return;
  event.preventDefault();
  tell(event.reason.message);
});

function openDialog(id) {
  $("main").focus();  // where a dialog gives the keys back to: a button would take the next Enter for itself
  $(id).returnValue = "";
  $(id).showModal();
}

function figureAddress(image) {
  const { figure: name, submission } = image.dataset;
  return `/figure?${new URLSearchParams({ token, name, submission })}`;
}

function counted({ counts, all }) {
  if (!all) return;
  const [count, open, changed] = all;
  $("progress").textContent = `${count - open} of ${count} marked${changed ? `, ${changed} changed` : ""}`;
  Object.assign($("bar"), { max: count || 1, value: count - open });
  for (const option of $("items").options) {
    const [, left] = counts[option.value];
    option.dataset.title ??= option.textContent;
    const text = left ? `${option.dataset.title} (${left} open)` : `${option.dataset.title} ✓`;
    if (option.textContent !== text) option.textContent = text;
  }
}

function showMark(said) {
  mark = said;
  for (const button of $("criteria").querySelectorAll("[data-key]"))
    button.setAttribute("aria-pressed", String(said.items.includes(button.dataset.key)));
  $("points").textContent = said.marked ? `${said.points} of ${said.of}` : "open";
  $("saved").textContent = said.marked ? (said.by ? `marked by ${said.by}` : "saved") : "";
  $("comments").replaceChildren(...said.comments.map(([text, count], place) => {
    const line = document.createElement("li"), button = document.createElement("button");
    const key = document.createElement("kbd"), often = document.createElement("small");
    key.textContent = COMMENT_KEYS[place];
    often.textContent = ` ${count}×`;
    button.type = "button";
    button.append(key, ` ${text}`, often);
    button.addEventListener("click", () => reuse(place));
    line.append(button);
    return line;
  }));
  counted(said);
}

function show(said) {
  card = said;
  similar = null;
  $("main").innerHTML = said.main;  // made by the server's own templates; what students wrote is text in it
  $("criteria").innerHTML = said.side;
  $("model").replaceChildren($("model-answer").content);
  $("near").replaceChildren();
  for (const image of $("main").querySelectorAll("img[data-figure]")) image.src = figureAddress(image);
  for (const link of $("main").querySelectorAll("a[data-report]"))
    link.href = `/report?${new URLSearchParams({ token, submission: link.dataset.report })}`;
  $("items").value = said.item;
  $("comment").value = said.comment;  // from here on, what stands there is newer than what the server has
  showMark(said);
  $("place").textContent = `answer ${said.place + 1} of ${said.counts[said.item][0]}`;
  scrollTo(0, 0);
  document.body.dataset.card = `${said.item}/${said.place}`;
  upcoming = follow(said).catch(() => null);
  api("/near", where()).then(found => {
    if (card !== said || !found.html) return;
    similar = found;
    $("near").innerHTML = found.html;
    $("near").querySelector("[data-same]").addEventListener("click", same);
  }).catch(() => {});
}

async function follow({ item, place }) {
  const { next } = await api("/next", { item, place });
  if (!next) return null;
  const said = await api("/card", { item: next[0], place: next[1] });
  const holder = document.createElement("template");
  holder.innerHTML = said.main;
  for (const image of holder.content.querySelectorAll("img[data-figure]")) new Image().src = figureAddress(image);
  return said;
}

const where = () => ({ item: card.item, place: card.place });

async function open(item, place) {
  await queue;
  show(await api("/card", { item, place }));
}

async function next() {
  await queue;
  let said = await upcoming;
  if (!said || (said.item === card.item && said.place === card.place)) {
    const { next: found } = await api("/next", where());
    said = found && (found[0] !== card.item || found[1] !== card.place) ? await api("/card", { item: found[0], place: found[1] }) : null;
  }
  if (!said) return tell("Nothing else is open.");
  seen.push([card.item, card.place]);
  show({ ...said, counts: mark.counts, all: mark.all });
  queue = queue.then(() => api("/state", where())).then(fresh => {  // what came early may be older than the last key
    if (card.item === fresh.item && card.place === fresh.place) showMark(fresh);
  }).catch(() => {});
}

async function back() {
  const before = seen.pop();
  if (before) await open(...before);
}

// Changes are sent one after the other, each until the server has it: what was typed is not lost when it ends meanwhile.
function save(change) {
  const at = where();
  const shown = card;
  $("saved").textContent = "saving …";
  queue = queue.then(async () => {
    for (;;) {
      try {
        const said = await api("/mark", at, { comment: $("comment").value, ...change() });
        $("saved").classList.remove("lost");
        if (card === shown) showMark(said);
        return;
      } catch (error) {
        if (error.told) return tell(error.message);
        $("saved").classList.add("lost");
        $("saved").textContent = "not saved: labkit mark does not answer. It is tried again.";
        await new Promise(resolve => setTimeout(resolve, PATIENCE));
      }
    }
  });
  return queue;
}

function toggle(key) {
  return save(() => {
    const items = mark.items.includes(key) ? mark.items.filter(one => one !== key) : [...mark.items, key];
    return { items };
  });
}

const give = what => save(() => ({ give: what }));
const takeBack = () => save(() => ({ flag: "open", items: [] }));
const asMarked = comment => ({
  comment, items: mark.items, ...(mark.marked ? (mark.own ? { points: Number(mark.points) } : {}) : { flag: "open" }),
});

function comment() {
  if (comment.waits) return;  // what is typed meanwhile goes along
  comment.waits = true;
  save(() => {
    comment.waits = false;
    return asMarked($("comment").value);
  });
}

function same() {
  if (!similar) return;
  const { items, points, own, comment: text } = similar;
  $("comment").value = text;
  save(() => ({ items, comment: text, ...(own ? { points: Number(points) } : {}) }));
}

async function reuse(place) {
  await queue;
  const [text] = mark.comments[place] || [];
  if (!text) return;
  const lines = $("comment").value;
  $("comment").value = lines === text ? "" : lines.trim() && !lines.includes(text) ? `${lines}\n${text}` : text;
  comment();
}

let before = "";  // the comment as it was when one began to edit it
$("comment").addEventListener("focus", () => { before = mark.comment || ""; });
$("comment").addEventListener("input", () => { comment(); });
$("comment").addEventListener("change", async () => {
  const after = $("comment").value.trim(), old = before, at = where();
  before = after;
  await queue;
  const often = (mark.comments.find(([text]) => text === old) || [])[1];
  if (!old || !often || !after || after === old) return;
  $("ask-text").textContent = `The old comment still stands on ${often} other answer${often > 1 ? "s" : ""}. Change it there as well?`;
  $("ask-all").textContent = `For all ${often + 1}`;
  openDialog("ask");
  $("ask").addEventListener("close", async () => {
    if ($("ask").returnValue !== "all") return;
    tell((await api("/comment", at, { old, new: after })).told);
    await open(at.item, at.place);
  }, { once: true });
});

function edit({ edit: key, points, text }) {
  Object.assign($("edit-text"), { value: text });
  Object.assign($("edit-points"), { value: points });
  openDialog("edit");
  $("edit").addEventListener("close", async () => {
    if ($("edit").returnValue !== "save") return;
    const name = key || `added-${Date.now().toString(36)}`;
    const said = await api("/rubric", { item: card.item }, {
      key: name, points: Number($("edit-points").value), text: $("edit-text").value,
    });
    tell(said.told);
    await open(card.item, card.place);
  }, { once: true });
}

$("criteria").addEventListener("click", event => {
  const { key, give: what, edit: name } = event.target.closest("button")?.dataset ?? {};
  if (key) toggle(key);
  else if (what) give(what);
  else if (name !== undefined) edit(event.target.closest("button").dataset);
});
$("next").addEventListener("click", next);
$("back").addEventListener("click", back);
$("help").addEventListener("click", () => openDialog("keys"));
$("overview").addEventListener("click", async () => {
  $("look-html").innerHTML = (await api("/overview")).html;
  openDialog("look");
});
$("items").addEventListener("change", async () => {
  const item = $("items").value;
  if (card) seen.push([card.item, card.place]);
  const { next: found } = await api("/next", { item, place: -1 });
  await open(item, found && found[0] === item ? found[1] : 0);
  $("main").focus();
});

const ACTIONS = {
  f: () => give("full"), 0: () => give("none"), Enter: next, Backspace: back, o: takeBack, s: same,
  c: () => $("comment").focus(), g: () => $("items").focus(), "?": () => openDialog("keys"),
};
document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]") || !card) return;
  const { target, key } = event;
  if (key === "Escape" && target === $("comment")) {
    event.preventDefault();  // else the question that leaving a comment may open is closed by this same key
    return target.blur();
  }
  if (target.matches("textarea, select, input")) return;
  // What was reached by Tab, the browser presses; what was clicked before does not take the key from going on.
  if (key === "Enter" && target.matches("button:focus-visible, a, summary") && target.id !== "next") return;
  const place = COMMENT_KEYS.indexOf(key.toLowerCase());
  const criterion = /^[1-9]$/.test(key) && $("criteria").querySelectorAll("[data-key]")[key - 1];
  const action = criterion ? () => toggle(criterion.dataset.key) : place >= 0 ? () => reuse(place) : ACTIONS[key] ?? ACTIONS[key.toLowerCase()];
  if (!action) return;
  event.preventDefault();
  action();
});

(async () => {
  if (!$("items").options.length) return;
  const first = $("items").value;
  const { next: found } = await api("/next", { item: first });
  await (found ? open(...found) : open(first, 0));
})();
