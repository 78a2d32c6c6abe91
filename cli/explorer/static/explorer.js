// Sliders, keys, sorting and news. The page works without: everything is a link or a form.
"use strict";
const form = document.getElementById("point");
const pad = (n) => String(n).padStart(2, "0");
// Instants keep the offset in which the ledger writes them.
const offsetOf = (text) => (text.match(/([+-])(\d\d):(\d\d)$/) || [null, "+", "08", "00"]).slice(1);
const written = (ms, text) => {
  const [sign, h, m] = offsetOf(text);
  const at = new Date(ms + (sign === "-" ? -1 : 1) * (Number(h) * 60 + Number(m)) * 60000);
  return `${at.getUTCFullYear()}-${pad(at.getUTCMonth() + 1)}-${pad(at.getUTCDate())}T` +
    `${pad(at.getUTCHours())}:${pad(at.getUTCMinutes())}:${pad(at.getUTCSeconds())}${sign}${h}:${m}`;
};
const DAY = 86400000;
for (const slider of document.querySelectorAll(".slider")) {
  const field = document.getElementById(slider.dataset.for);
  const starts = Date.parse(slider.dataset.starts), ends = Date.parse(slider.dataset.ends);
  slider.min = 0;
  slider.max = Math.max(1, Math.ceil((ends - starts) / DAY));
  const asked = Date.parse(field.value.length === 10 ? `${field.value}T23:59:59` : field.value);
  slider.value = Number.isNaN(asked) ? slider.max : Math.ceil((asked - starts) / DAY);
  const move = () => {
    field.value = Number(slider.value) >= Number(slider.max) ? ""
      : written(Math.min(ends, starts + slider.value * DAY), slider.dataset.ends);
  };
  slider.addEventListener("input", move);
  slider.addEventListener("change", () => form.requestSubmit());
}
form.addEventListener("submit", () => {
  for (const field of form.querySelectorAll("input[name]")) if (!field.value) field.disabled = true;
});
document.getElementById("diagonal").addEventListener("click", () => {
  const at = document.getElementById("at"), known = document.getElementById("known_at");
  known.value = at.value = at.value || known.value;
  form.requestSubmit();
});
document.addEventListener("keydown", (event) => {
  if (event.target.matches("input, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") {
    event.preventDefault();
    document.getElementById("search").focus();
  } else if (event.key === "[" || event.key === "]") {
    const slider = document.querySelector(".slider");
    slider.value = Number(slider.value) + (event.key === "[" ? -1 : 1);
    slider.dispatchEvent(new Event("input"));
    form.requestSubmit();
  }
});
const figure = /^-?\d+(\.\d+)?$/;
for (const table of document.querySelectorAll("table")) {
  for (const cell of table.querySelectorAll("td")) {
    if (figure.test(cell.textContent)) cell.classList.add("n");
  }
  table.querySelectorAll("th").forEach((head, column) => head.addEventListener("click", () => {
    const rows = [...table.tBodies[0].rows];
    const down = head.dataset.sorted !== "down";
    head.dataset.sorted = down ? "down" : "up";
    const text = (row) => row.cells[column].textContent;
    rows.sort((a, b) => (figure.test(text(a)) && figure.test(text(b))
      ? Number(text(a)) - Number(text(b)) : text(a).localeCompare(text(b))) * (down ? 1 : -1));
    table.tBodies[0].append(...rows);
  }));
}
const find = new URLSearchParams(location.search).get("find");
if (find && location.pathname === "/accounts") {
  document.getElementById("search").value = find;
  for (const row of document.querySelectorAll("tbody tr")) {
    row.hidden = !row.cells[0].textContent.toLowerCase().includes(find.toLowerCase());
  }
}
const news = new EventSource("/news" + location.search);
news.addEventListener("message", (event) => {
  const more = JSON.parse(event.data).position - Number(document.body.dataset.head);
  const said = document.getElementById("news");
  if (more > 0) {
    said.textContent = `${more} new ${more === 1 ? "event" : "events"} `;
    const link = document.createElement("a");
    link.href = location.href;
    link.textContent = "show";
    said.append(link);
  }
});
