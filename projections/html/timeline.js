"use strict";
(() => {
  const told = JSON.parse(document.getElementById("steps").textContent);
  const steps = told.steps;
  const slider = document.getElementById("slider");
  const shown = document.getElementById("instant");
  const asked = document.getElementById("asked");
  const fields = ["cash", "outstanding", "available", "overdue_since"];
  const HOUR = 3600, DAY = 24 * HOUR;

  const pad = (number) => String(number).padStart(2, "0");
  const zone = () => {
    const minutes = Math.trunc(Math.abs(told.offset) / 60);
    return (told.offset < 0 ? "-" : "+") + pad(Math.trunc(minutes / 60)) + ":" + pad(minutes % 60);
  };
  const written = (second) =>
    new Date((second + told.offset) * 1000).toISOString().slice(0, 19) + zone();

  // The last step at or before a second; -1 before the first.
  const placeOf = (second) => {
    let low = 0, high = steps.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (steps[middle].t <= second) low = middle + 1; else high = middle;
    }
    return low - 1;
  };

  const figuresAt = (place) => {
    const found = { instances: Object.create(null), coupons: Object.create(null) };
    for (let i = 0; i <= place; i++) {
      const step = steps[i];
      for (const name of fields) if (name in step) found[name] = step[name];
      Object.assign(found.instances, step.instances);
      Object.assign(found.coupons, step.coupons);
    }
    return found;
  };

  const list = (id, members, colour, words) => {
    const box = document.getElementById(id);
    box.replaceChildren(...Object.keys(members).sort().map((name) => {
      const item = document.createElement("li");
      const bold = document.createElement("b");
      bold.textContent = name;
      item.append(bold, " " + words(members[name]));
      item.dataset.name = name;
      item.dataset.said = words(members[name]);
      item.style.setProperty("--c", "var(--" + colour(members[name]) + ")");
      if (item.dataset.said === "released" || item.dataset.said.endsWith("ended"))
        item.className = "gone";
      return item;
    }));
  };

  const show = (second) => {
    const found = figuresAt(placeOf(second));
    for (const name of ["cash", "outstanding", "available"])
      document.getElementById(name).textContent = found[name] ?? "-";
    const since = found.overdue_since ?? null;
    const overdue = document.getElementById("overdue");
    overdue.textContent = since === null ? "no" : "since " + since.slice(0, 19).replace("T", " ");
    overdue.dataset.since = since ?? "";
    overdue.parentElement.className = since === null ? "" : "alarm";
    list("instances", found.instances, (state) => state, (state) => state.replace("_", " "));
    list("coupons", found.coupons,
      (coupon) => (coupon.status === "active" ? "money" : "released"),
      (coupon) => coupon.remaining + " " + coupon.status);
    const at = written(second);
    shown.textContent = at.slice(0, 19).replace("T", " ");
    asked.value = at;
    slider.value = second;
    slider.setAttribute("aria-valuetext", at);
    const share = (second - told.starts) / Math.max(1, told.ends - told.starts) * 100;
    for (const line of document.querySelectorAll(".cursor")) line.style.left = share + "%";
  };

  const now = () => Number(slider.value);
  const go = (second) => show(Math.min(told.ends, Math.max(told.starts, second)));
  const next = () => (steps.find((step) => step.t > now()) ?? { t: told.ends }).t;
  const back = () => {
    const place = placeOf(now());
    if (place < 0) return told.starts;
    return steps[place].t < now() ? steps[place].t : (steps[place - 1] ?? { t: told.starts }).t;
  };

  slider.addEventListener("input", () => go(now()));
  slider.addEventListener("keydown", (event) => {
    const way = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    const day = { PageUp: 1, PageDown: -1 }[event.key];
    if (way === undefined && day === undefined) return;
    event.preventDefault();
    if (day !== undefined) go(now() + day * DAY);
    else if (event.shiftKey) go(now() + way * HOUR);
    else go(way > 0 ? next() : back());
  });
  document.getElementById("next").addEventListener("click", () => go(next()));
  document.getElementById("back").addEventListener("click", () => go(back()));
  asked.addEventListener("change", () => {
    const text = asked.value.trim().replace(" ", "T");
    const second = Date.parse(/([zZ]|[+-]\d\d:\d\d)$/.test(text) ? text : text + zone()) / 1000;
    if (Number.isFinite(second)) go(Math.floor(second)); else asked.value = written(now());
  });
  go(told.ends);
})();
