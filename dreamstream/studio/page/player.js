// A result beside its source: they play together; a part becomes a GIF.

import { ask, fileUrl, frameUrl, on, playUrl } from "./api.js";
import { $, clock, make } from "./dom.js";

const FILMS = /\.(mp4|mov|mkv|webm|avi|m4v)$/i;
let films = [];
let offset = 0;
let opened = 0;
let file = "";

export function makePlayer() {
  $("player-close").onclick = () => $("player").close();
  $("player").onclose = stop;
  $("player-play").onclick = toggle;
  $("player-time").oninput = () => seek(Number($("player-time").value));
  $("gif-make").onclick = makeGif;
  on("copy", (head) => {
    if ($("player").open) $("player-note").textContent = `making a copy that the browser plays: ${Math.round(100 * head.share)} %`;
  });
  on("gif", (head) => ($("gif-done").textContent = `${Math.round(100 * head.share)} %`));
}

/** Opens a rendering's file beside its source. */
export async function openPlayer(job, path) {
  const mine = (opened += 1);
  file = path;
  offset = Number(job.settings.start ?? 0);
  $("player-title").textContent = path.replace(/^.*\//, "");
  $("player-download").href = fileUrl(path, true);
  $("player-note").textContent = $("gif-done").textContent = "";
  $("gif-done").replaceChildren();
  for (const id of ["player-source", "player-dream"]) $(id).replaceChildren();
  films = [];
  $("player").showModal();
  const isFilm = FILMS.test(path);
  for (const id of ["player-play", "player-time", "player-clock", "gif-make"]) $(id).disabled = !isFilm;
  try {
    const info = await ask(`/api/probe?path=${encodeURIComponent(job.source)}`);
    const source = info.kind === "film" && isFilm ? await film(job.source) : still(job.source, info.kind === "film" ? offset : 0);
    if (mine !== opened) return;
    $("player-source").append(source);
    const dream = isFilm ? await film(path) : make("img", { src: fileUrl(path), alt: "The dream" });
    if (mine !== opened) return;
    $("player-dream").append(dream);
    if (!isFilm) return;
    films = source.tagName === "VIDEO" ? [dream, source] : [dream];
    dream.onloadedmetadata = () => {
      $("player-time").max = dream.duration;
      $("gif-seconds").value = Math.min(3, dream.duration).toFixed(1);
      seek(0);
    };
    dream.ontimeupdate = showTime;
    dream.onended = () => pause();
    if (films[1]) films[1].muted = true;
    $("player-note").textContent = "";
  } catch (error) {
    $("player-note").textContent = error.message;
  }
}

async function film(path) {
  await ask("/api/copy", { method: "POST", body: { path } });
  return make("video", { src: playUrl(path), preload: "auto", playsinline: true });
}

function still(path, seconds) {
  return make("img", { src: frameUrl(path, seconds, 1280), alt: "The source" });
}

function toggle() {
  if (!films.length) return;
  if (films[0].paused) {
    if (films[0].ended) seek(0);
    for (const each of films) each.play().catch(() => {});
    $("player-play").textContent = "Pause";
  } else pause();
}

function pause() {
  for (const each of films) each.pause();
  $("player-play").textContent = "Play";
}

function seek(seconds) {
  if (films[0]) films[0].currentTime = seconds;
  if (films[1]) films[1].currentTime = seconds + offset;
  $("player-clock").textContent = clock(seconds);
}

function showTime() {
  const [dream, source] = films;
  $("player-time").value = dream.currentTime;
  $("player-clock").textContent = clock(dream.currentTime);
  const apart = source ? source.currentTime - offset - dream.currentTime : 0;
  if (source && Math.abs(apart) > 0.15) source.currentTime = dream.currentTime + offset;
}

function stop() {
  opened += 1;
  pause();
  for (const each of films) each.removeAttribute("src");
  films = [];
}

async function makeGif() {
  $("gif-make").disabled = true;
  try {
    const body = {
      path: file,
      start: Number($("gif-start").value),
      seconds: Number($("gif-seconds").value),
      width: Number($("gif-width").value),
    };
    const { path } = await ask("/api/gif", { method: "POST", body });
    const link = make("a", { href: fileUrl(path, true), download: "", class: "button", text: `Download ${path.replace(/^.*\//, "")}` });
    $("gif-done").replaceChildren(link);
  } catch (error) {
    $("gif-done").textContent = error.message;
  }
  $("gif-make").disabled = false;
}
