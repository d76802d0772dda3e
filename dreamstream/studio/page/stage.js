// The frame before and after, its sheet of looks, and two seconds that move.

import { fileUrl, frameUrl, nextTicket, on, send } from "./api.js";
import { $, make, notice, showBlob } from "./dom.js";

const WIDTH = 1280;
let tables = null;
let shown = null; // { path, info, time }
let tickets = { look: 0, sheet: 0, film: 0 };
let askedAt = 0;
let choosePreset = () => {};

/** What the page's preview took, for those who measure it: milliseconds to the coarse and the full. */
export const latencies = [];
window.dreamstreamLatencies = latencies;

export function makeStage(given, choose) {
  tables = given;
  choosePreset = choose;
  $("split").oninput = showSplit;
  $("sheet").replaceChildren(...tables.presets.map(makeTile));
  $("move").onclick = () => ($("moving").hidden ? askFilm() : stopFilm());
  on("preview", hear);
  on("refused", (head) => {
    if (head.what !== "preview" || head.ticket !== tickets.look) return;
    busy(false);
    notice(head.line);
  });
  showSplit();
}

export function setFrame(path, info, time) {
  const isOther = shown?.path !== path;
  shown = { path, info, time };
  $("welcome").hidden = true;
  $("compare").hidden = $("looks").hidden = false;
  $("before").src = frameUrl(path, time, WIDTH);
  if (isOther) $("after").removeAttribute("src");
  stopFilm();
}

export function hideFrame() {
  shown = null;
  send({ type: "forget" });
  $("compare").hidden = $("looks").hidden = true;
  busy(false);
}

/** Asks for the frame in a look; the newest request alone is answered. */
export function askLook(settings) {
  if (!shown) return;
  stopFilm();
  tickets.look = nextTicket();
  askedAt = performance.now();
  if (send({ type: "preview", kind: "look", ticket: tickets.look, ...place(), settings })) busy(true);
}

export function askSheet() {
  if (!shown) return;
  tickets.sheet = nextTicket();
  const names = tables.presets.filter((each) => each.missing === null).map((each) => each.name);
  for (const name of names) tile(name).querySelector(".picture").replaceChildren(make("span", { class: "waiting", text: "dreaming" }));
  send({ type: "preview", kind: "sheet", ticket: tickets.sheet, ...place(), presets: names });
}

export function markPreset(name) {
  for (const button of $("sheet").querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.dataset.preset === name));
  }
}

let filmSettings = () => ({});
export function setFilmSettings(act) {
  filmSettings = act;
}

function askFilm() {
  tickets.film = nextTicket();
  $("move").textContent = "dreaming 2 s";
  busy(true);
  send({ type: "preview", kind: "film", ticket: tickets.film, ...place(), settings: filmSettings() });
}

function stopFilm() {
  tickets.film = 0;
  const video = $("moving");
  video.pause();
  video.hidden = true;
  video.removeAttribute("src");
  $("compare").classList.remove("moving");
  $("move").textContent = "▶ See 2 s move";
}

function place() {
  return { path: shown.path, time: shown.time };
}

function tile(name) {
  return $("sheet").querySelector(`[data-preset="${CSS.escape(name)}"]`);
}

function makeTile(preset) {
  const picture = make("div", { class: "picture" });
  if (preset.missing) picture.append(make("span", { text: `${preset.values.model} is not on this machine` }));
  const caption = make("span", { class: "caption", text: preset.name, children: [make("small", { text: preset.about })] });
  const button = make("button", {
    type: "button", "data-preset": preset.name, "aria-pressed": "false",
    disabled: preset.missing !== null, title: preset.missing, children: [picture, caption],
    onclick: () => choosePreset(preset.name),
  });
  return make("li", { children: [button] });
}

function hear(head, data) {
  if (head.state === "failed") {
    busy(false);
    notice(head.line);
  } else if (head.kind === "sheet" && head.ticket === tickets.sheet) {
    const image = make("img", { alt: `The frame in the look ${head.look}` });
    showBlob(image, data);
    tile(head.look).querySelector(".picture").replaceChildren(image);
  } else if (["coarse", "full"].includes(head.kind) && head.ticket === tickets.look) {
    notice(null);
    showBlob($("after"), data);
    $("compare").dataset.stage = head.last ? "full" : "coarse";
    $("compare").dataset.ticket = head.ticket;
    latencies.push({ ticket: head.ticket, stage: head.kind, last: head.last, milliseconds: performance.now() - askedAt });
    if (head.last) busy(false);
    else busy(true, "coarse, the whole dream follows");
  } else if (head.kind === "film" && head.ticket === tickets.film) {
    hearFilm(head);
  }
}

function hearFilm(head) {
  if (head.state !== "done") {
    $("move").textContent = `dreaming ${head.done}${head.frames ? ` of ${head.frames}` : ""}`;
    return;
  }
  busy(false);
  const video = $("moving");
  video.src = `${fileUrl(head.film)}&ticket=${head.ticket}`;
  video.hidden = false;
  $("compare").classList.add("moving");
  $("move").textContent = "◼ Stop";
  video.play().catch(() => {});
}

/** Whether a dream is on its way. */
export function isWaiting() {
  return shown !== null && !$("compare").querySelector(".busy").hidden;
}

function busy(is, text) {
  $("compare").querySelector(".busy").hidden = !is;
  $("stage-state").hidden = !is;
  $("stage-state").textContent = text ?? "dreaming";
}

function showSplit() {
  const value = $("split").value;
  $("compare").style.setProperty("--split", `${value}%`);
  $("compare").dataset.split = value;
}
