// Live updates and times in the reader's zone. Without this file the pages work, with times in UTC.
"use strict";

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const parts = new Intl.DateTimeFormat("en", {
  year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
});

// As the server writes them, so that no order of day and month can be mistaken: 2026-03-04 09:15.
function local(moment) {
  const found = Object.fromEntries(parts.formatToParts(moment).map(({ type, value }) => [type, value]));
  return { day: `${found.year}-${found.month}-${found.day}`, clock: `${found.hour}:${found.minute}` };
}

function showLocalTimes(root) {
  if (zone === "UTC") return;
  for (const time of root.querySelectorAll("time[datetime]:not([data-shown])")) {
    const here = local(new Date(time.dateTime));
    const sameDay = time.dateTime.startsWith(here.day);
    const utc = document.createElement("span");
    utc.className = "utc";
    utc.textContent = ` (${sameDay ? time.dateTime.slice(11, 16) + " UTC" : time.textContent})`;
    time.textContent = time.dataset.shape === "short" ? here.clock : `${here.day} ${here.clock}`;
    time.append(utc);
    time.dataset.shown = "yes";
  }
  for (const tick of root.querySelectorAll("text[data-time]:not([data-shown])")) {
    const here = local(new Date(1000 * Number(tick.dataset.time)));
    if (tick.textContent.includes("-")) {
      tick.textContent = tick.textContent.includes(":") ? `${here.day.slice(5)} ${here.clock}` : here.day.slice(5);
    } else {
      tick.textContent = here.clock;
    }
    tick.dataset.shown = "yes";
  }
}

const own = document.querySelector("article[data-brand]");
const liveParts = () => document.querySelectorAll("[data-live]");
const disconnected = document.querySelector(".disconnected");
let loading = false;
let again = false;
let calm = null; // of a page of all brands: activity alone, which comes every second, is shown every five

function concerns(news) {
  if (!own) return true;
  const brands = news.brands === null || news.brands.includes(own.dataset.brand);
  return brands || news.episodes.includes(own.dataset.episode);
}

// A screen reader is told the headline when it changes, not every figure; a card that is new is lit up for a moment.
function announce(before, after) {
  const heading = after.querySelector(".lead")?.textContent;
  if (heading && heading !== before.querySelector(".lead")?.textContent) {
    document.getElementById("announcer").textContent = heading;
  }
  for (const card of after.querySelectorAll(".card")) {
    if (!document.getElementById(card.id)) card.classList.add("changed");
  }
}

// Somebody types here, has typed what is not sent yet, or holds the pointer down.
function inUse(part) {
  const fields = [...part.querySelectorAll("input, textarea")];
  const types = document.activeElement.matches("input, textarea, select") && part.contains(document.activeElement);
  return types || part.matches(":active") || fields.some((field) => field.value !== field.defaultValue);
}

// A selector of what is the same in the part to come.
function sameElement(focused) {
  const name = ["id", "href", "value"].find((one) => focused.hasAttribute(one));
  return name && `${focused.localName}[${name}="${CSS.escape(focused.getAttribute(name))}"]`;
}

// What a reader has focused or opened stays: only parts that differ are replaced, and none in which somebody works.
async function refresh() {
  if (loading) {
    again = true;
    return;
  }
  loading = true;
  try {
    const address = new URL(location.href);
    address.searchParams.delete("saved");
    address.pathname = address.pathname.replace(/\/feedback$/, ""); // a form that was refused, shown with its episode
    const answer = await fetch(address, { credentials: "same-origin", redirect: "error" });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    showLocalTimes(fresh);
    for (const part of liveParts()) {
      const other = fresh.getElementById(part.id);
      const opened = [...part.querySelectorAll("details")].map((details) => details.open);
      if (!other || other.outerHTML === part.dataset.last) continue;
      if (inUse(part)) continue;
      other.dataset.last = other.outerHTML;
      announce(part, other);
      const focused = part.contains(document.activeElement) ? sameElement(document.activeElement) : null;
      part.replaceWith(document.adoptNode(other));
      other.dispatchEvent(new Event("replaced", { bubbles: true })); // charts.js draws it
      if (focused) other.querySelector(focused)?.focus({ preventScroll: true });
      other.querySelectorAll("details").forEach((details, index) => { details.open = Boolean(opened[index]); });
    }
  } finally {
    loading = false;
    if (again) {
      again = false;
      setTimeout(refresh, 2000);
    }
  }
}

let events = null;
let late = null;

function hear(heard) {
  clearTimeout(late);
  late = null;
  if (heard && disconnected && !disconnected.hidden) {
    disconnected.hidden = true;
    refresh();
  }
}

function connect() {
  events = new EventSource("/events");
  events.addEventListener("hello", () => hear(true));
  events.addEventListener("change", (event) => {
    const news = JSON.parse(event.data);
    if (!concerns(news)) return;
    if (news.episodes.length || (own && news.brands)) refresh();
    else calm ??= setTimeout(() => { calm = null; refresh(); }, 5000);
  });
  events.addEventListener("error", () => {
    late ??= setTimeout(() => { if (disconnected) disconnected.hidden = false; }, 4000);
  });
}

function hangUp() {
  hear(false);
  events?.close();
  events = null;
}

// Browsers allow six connections to a host: a page that nobody looks at gives its own back.
function listen() {
  if (!liveParts().length) return;
  connect();
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      hangUp();
    } else if (!events) {
      connect();
      refresh();
    }
  });
  setInterval(() => { if (!document.hidden) refresh(); }, 60000); // ages are shown, which grow by themselves
  addEventListener("pagehide", hangUp);
}

if (zone !== "UTC") {
  document.getElementById("zone").textContent = document.body.dataset.zoneWords.replace("{zone}", zone);
}
showLocalTimes(document);
listen();
