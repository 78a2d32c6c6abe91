// Sliders that show as they move, keys, and news. A page works without: all is links and forms.
"use strict";
const by = (id) => document.getElementById(id);
const MINUTE = 60000, DAY = 1440; // a slider counts minutes
const pad = (n) => String(n).padStart(2, "0");
const swapped = ["pages", "main", "kept", "moments"];
let asked = 0, latest = 0;

// An instant keeps the offset in which the ledger writes it.
const written = (ms, like) => {
  const [, sign, h, m] = like.match(/([+-])(\d\d):(\d\d)$/) || [null, "+", "00", "00"];
  const at = new Date(ms + (sign === "-" ? -1 : 1) * (Number(h) * 60 + Number(m)) * MINUTE);
  return `${at.getUTCFullYear()}-${pad(at.getUTCMonth() + 1)}-${pad(at.getUTCDate())}T` +
    `${pad(at.getUTCHours())}:${pad(at.getUTCMinutes())}:${pad(at.getUTCSeconds())}${sign}${h}:${m}`;
};
const sliders = () => [...document.querySelectorAll(".slider")];
const span = (slider) => [Date.parse(slider.dataset.starts), Date.parse(slider.dataset.ends)];

const place = (slider) => {
  const [starts, ends] = span(slider);
  slider.min = 0;
  slider.max = Math.max(1, Math.ceil((ends - starts) / MINUTE));
  slider.step = 1;
  slider.value = Math.ceil((Date.parse(slider.dataset.at) - starts) / MINUTE);
  slider.setAttribute("aria-valuetext", slider.dataset.at);
};

// Writes where a slider stands into its field; at its end the field is empty: as it is now.
const read = (slider) => {
  const [starts, ends] = span(slider), field = by(slider.dataset.for);
  const last = Number(slider.value) >= Number(slider.max);
  field.value = last ? "" : written(Math.min(ends, starts + slider.value * MINUTE), slider.dataset.ends);
  slider.setAttribute("aria-valuetext", field.value || slider.dataset.ends);
};

const address = () => {
  const given = new URLSearchParams();
  for (const [key, text] of new FormData(by("point"))) if (text) given.set(key, text);
  if (given.get("at") && given.get("at") === given.get("known_at") && document.body.dataset.diagonal) {
    given.set("as_of", given.get("at"));
    given.delete("at");
    given.delete("known_at");
  }
  const text = given.toString();
  return location.pathname + (text ? `?${text}` : "");
};

// Fetches a page and puts its parts where they belong; what has the focus keeps it.
const go = async (url, how) => {
  const mine = ++asked;
  by("main").classList.add("waiting");
  let text;
  try {
    const reply = await fetch(url);
    if (!(reply.headers.get("content-type") || "").startsWith("text/html")) throw new Error();
    text = await reply.text();
  } catch {
    if (mine === asked) location.assign(url);
    return;
  }
  if (mine < latest) return;
  latest = mine;
  const next = new DOMParser().parseFromString(text, "text/html");
  for (const id of swapped) {
    const old = by(id), fresh = next.getElementById(id);
    if (old && fresh) old.replaceWith(document.adoptNode(fresh));
  }
  document.title = next.title;
  Object.assign(document.body.dataset, { head: next.body.dataset.head });
  if (next.body.dataset.diagonal) document.body.dataset.diagonal = "1";
  else delete document.body.dataset.diagonal;
  if (how === "push") history.pushState(null, "", url);
  if (how === "replace") history.replaceState(null, "", url);
  if (mine !== asked) return;
  for (const slider of sliders()) {
    const fresh = next.querySelector(`.slider[data-for="${slider.dataset.for}"]`);
    if (!fresh) continue;
    Object.assign(slider.dataset, fresh.dataset);
    if (how !== "replace" || slider !== document.activeElement) place(slider);
    const field = by(slider.dataset.for);
    if (how === "pop" || field !== document.activeElement) field.value = next.getElementById(field.id).value;
  }
};

let pushed = false; // one entry of the history for one movement of a slider
let busy = false, waiting = null; // where a slider stands by when its last page has come
const moved = async (slider) => {
  read(slider);
  if (document.body.dataset.diagonal) {
    for (const other of sliders()) {
      other.value = slider.value;
      read(other);
    }
  }
  if (busy) {
    waiting = slider;
    return;
  }
  const how = pushed ? "replace" : "push";
  pushed = true;
  busy = true;
  await go(address(), how);
  busy = false;
  if (waiting) {
    const next = waiting;
    waiting = null;
    moved(next);
  }
};
for (const slider of sliders()) {
  place(slider);
  slider.addEventListener("input", () => moved(slider));
  slider.addEventListener("change", () => { pushed = false; });
  slider.addEventListener("keydown", (event) => {
    const way = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    const far = { PageUp: 30, PageDown: -30 }[event.key];
    if ((way === undefined && far === undefined) || event.ctrlKey || event.altKey) return;
    event.preventDefault();
    const step = far !== undefined ? far * DAY : event.shiftKey ? way * 60 : way * DAY;
    slider.value = Number(slider.value) + step;
    pushed = false;
    moved(slider);
  });
}
by("point")?.addEventListener("submit", (event) => {
  event.preventDefault();
  go(address(), "push");
});
addEventListener("popstate", () => go(location.href, "pop"));

let going = false; // after g, a letter names a page
document.addEventListener("keydown", (event) => {
  if (event.target.matches("textarea") && event.key === "Enter" && event.ctrlKey) {
    event.target.form.requestSubmit();
    return;
  }
  if (event.target.matches("input:not([type=range]), textarea, select")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const step = { "[": [0, -1], "]": [0, 1], "{": [1, -1], "}": [1, 1] }[event.key];
  if (going) {
    going = false;
    const link = [...document.querySelectorAll("nav a[data-key]")].find((one) => one.dataset.key === event.key);
    if (link) link.click();
  } else if (event.key === "g") {
    going = true;
  } else if (event.key === "/") {
    event.preventDefault();
    by("search").focus();
    by("search").select();
  } else if (event.key === "d") {
    by("diagonal")?.click();
  } else if (event.key === "n") {
    by("now")?.click();
  } else if (step && sliders().length) {
    const slider = sliders()[step[0]];
    slider.value = Number(slider.value) + step[1] * DAY;
    pushed = false;
    moved(slider);
  }
});

// A dot of a drawing leads to its event, as the rows below it do.
document.addEventListener("click", (event) => {
  const dot = event.target.closest(".dot[data-position]");
  if (dot) location.assign(`/event/${dot.dataset.position}${location.search}`);
});

const news = new EventSource("/news");
news.addEventListener("message", (event) => {
  const more = JSON.parse(event.data).position - Number(document.body.dataset.head);
  const said = by("news");
  if (!said || more <= 0) return;
  said.textContent = `${more} new ${more === 1 ? "event" : "events"} `;
  const link = document.createElement("a");
  link.href = location.href;
  link.textContent = "show";
  link.addEventListener("click", (click) => {
    click.preventDefault();
    said.textContent = "";
    go(location.href, "replace");
  });
  said.append(link);
});
addEventListener("pagehide", () => news.close());
