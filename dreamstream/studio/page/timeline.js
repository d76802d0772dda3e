// The times of a film: thumbnails, the frame under the cursor, and the part that is rendered.

import { frameUrl } from "./api.js";
import { $, clock, later, make } from "./dom.js";

const THUMBS = 10;
let film = null;
let begin = null;
let end = null;
let whenMoved = () => {};
let whenRanged = () => {};

export function makeTimeline(moved, ranged) {
  whenMoved = moved;
  whenRanged = ranged;
  $("time").oninput = () => ($("clock").textContent = clock(time()));
  $("time").onchange = () => whenMoved(time());
  $("set-start").onclick = () => setRange(time(), end !== null && end > time() ? end : null);
  $("set-end").onclick = () => setRange(begin !== null && begin < time() ? begin : null, time());
  $("clear-range").onclick = () => setRange(null, null);
  $("time").onkeydown = (event) => {
    if (event.key === "i") $("set-start").click();
    if (event.key === "o") $("set-end").click();
  };
  $("timeline").onpointermove = (event) => hover(event);
  $("timeline").onpointerleave = () => {
    $("hover").hidden = true;
    showHover(null);
  };
}

export function time() {
  return Number($("time").value);
}

/** What is to be rendered, as settings; nothing of a whole film. */
export function rangeSettings() {
  const settings = {};
  if (!film) return settings;
  if (begin !== null && begin > 0) settings.start = begin.toFixed(3);
  if (end !== null && end > (begin ?? 0)) settings.duration = (end - (begin ?? 0)).toFixed(3);
  return settings;
}

export function setFilm(path, info) {
  film = info.kind === "film" ? { path, ...info } : null;
  begin = end = null;
  $("timeline").hidden = $("times").hidden = !film;
  if (!film) return;
  $("time").max = Math.max(0.04, film.seconds - 1 / (film.rate || 25)).toFixed(3);
  $("time").step = (1 / (film.rate || 25)).toFixed(4);
  $("time").value = film.seconds > 2 ? (film.seconds / 4).toFixed(2) : 0;
  $("clock").textContent = clock(time());
  setRange(null, null);
  loadThumbs(film);
}

async function loadThumbs(shown) {
  $("thumbs").replaceChildren();
  for (let number = 0; number < THUMBS && film === shown; number += 1) {
    const image = make("img", { alt: "" });
    $("thumbs").append(image);
    image.src = frameUrl(shown.path, ((number + 0.5) / THUMBS) * shown.seconds, 160);
    await image.decode().catch(() => {});
  }
}

function setRange(from, to) {
  begin = from;
  end = to;
  const share = (seconds) => `${(100 * seconds) / Math.max(film?.seconds ?? 1, 0.01)}%`;
  $("range").style.setProperty("--begin", share(begin ?? 0));
  $("range").style.setProperty("--end", end === null ? "100%" : share(end));
  $("range").hidden = begin === null && end === null;
  $("range-text").textContent =
    begin === null && end === null ? "" : `${clock(begin ?? 0)} to ${clock(end ?? film.seconds)}`;
  whenRanged();
}

function hover(event) {
  if (!film || event.pointerType === "touch") return;
  const box = $("timeline").getBoundingClientRect();
  const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  const image = $("hover");
  image.style.left = `${Math.min(box.width - 80, Math.max(80, share * box.width))}px`;
  showHover(share * film.seconds);
}

const showHover = later(60, (seconds) => {
  const image = $("hover");
  if (seconds === null || !film) {
    image.hidden = true;
    return;
  }
  image.onload = () => (image.hidden = false);
  image.src = frameUrl(film.path, seconds, 160);
});
