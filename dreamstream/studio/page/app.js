// The studio's page: joins its parts.

import { ask, connect, on } from "./api.js";
import { changeCamera, closeCamera, isOpen, makeCamera, openCamera } from "./camera.js";
import { $, later, make, notice } from "./dom.js";
import { choosePreset, dreamSettings, makeKnobs, setSettings, settings } from "./knobs.js";
import { makeLibrary, setChosen, setFiles } from "./library.js";
import { makePlayer, openPlayer } from "./player.js";
import { makeQueue, setJobs } from "./queue.js";
import { askLook, askSheet, hideFrame, isWaiting, makeStage, markPreset, setFilmSettings, setFrame } from "./stage.js";
import { makeTimeline, rangeSettings, setFilm, time } from "./timeline.js";

const SUFFIXES = {
  film: [[".mp4", "MP4 film"], [".webm", "WebM film"], [".mkv", "MKV film"], [".gif", "GIF"]],
  photo: [[".png", "PNG picture"], [".jpg", "JPEG picture"], [".mp4", "MP4 clip"], [".gif", "GIF clip"]],
};
let source = null; // { path, info }

async function load() {
  const state = await ask("/api/state");
  $("folder").textContent = state.folder;
  setFiles(state.files);
  setJobs(state.jobs);
  showLooks(state.looks);
  return state;
}

async function refresh() {
  await load().catch((error) => notice(error.message));
}

async function choose(path) {
  try {
    const info = await ask(`/api/probe?path=${encodeURIComponent(path)}`);
    if (isOpen()) closeCamera();
    source = { path, info };
    notice(null);
    setChosen(path);
    $("stage-name").textContent = `${path.replace(/^dreamstream-studio\//, "")} · ${info.width}×${info.height}`;
    setFilm(path, info);
    setFrame(path, info, info.kind === "film" ? time() : 0);
    $("clip-knobs").hidden = info.kind !== "photo";
    $("suffix").replaceChildren(...SUFFIXES[info.kind].map(([value, text]) => make("option", { value, text })));
    $("render").disabled = false;
    location.hash = encodeURIComponent(path);
    askLook(settings());
    askSheet();
    showCommand();
  } catch (error) {
    notice(error.message);
  }
}

function moved() {
  setFrame(source.path, source.info, time());
  askLook(settings());
  askSheetSoon();
}

const askSheetSoon = later(700, askSheet);

function knobsChanged() {
  markPreset(settings().preset);
  if (isOpen()) changeCamera();
  else askLook(settings());
  showCommand();
}

function jobSettings() {
  const given = { ...settings(), ...rangeSettings() };
  const isClip = source?.info.kind === "photo" && [".mp4", ".gif"].includes($("suffix").value);
  if (!isClip) for (const name of ["zoom", "rotate", "drift", "loop"]) delete given[name];
  return given;
}

async function request(path) {
  const body = { source: source.path, suffix: $("suffix").value, settings: jobSettings() };
  return ask(path, { method: "POST", body });
}

const showCommand = later(150, async () => {
  if (!source) return;
  try {
    $("command").textContent = (await request("/api/command")).command;
  } catch (error) {
    $("command").textContent = error.message;
  }
});

async function render() {
  $("render").disabled = true;
  try {
    await request("/api/jobs");
    notice(null);
  } catch (error) {
    notice(error.message);
  }
  $("render").disabled = false;
}

function showLooks(names) {
  const rows = names.map((name) => {
    const open = async () => {
      try {
        setSettings(await ask(`/api/looks/${encodeURIComponent(name)}`));
        $("look-name").value = name;
      } catch (error) {
        notice(error.message);
      }
    };
    const remove = async () => showLooks((await ask(`/api/looks/${encodeURIComponent(name)}`, { method: "DELETE" })).looks);
    return make("li", {
      class: "saved",
      children: [
        make("button", { type: "button", class: "grow", text: name, onclick: open }),
        make("button", { type: "button", class: "plain", text: "✕", "aria-label": `Delete the look ${name}`, onclick: remove }),
      ],
    });
  });
  $("saved-looks").replaceChildren(...rows);
  if (!names.length) $("saved-looks").append(make("li", { class: "quiet small", text: "None yet. They lie in dreamstream-studio/looks, and the command takes them with --config." }));
}

async function saveLook() {
  const name = $("look-name").value.trim();
  try {
    const { looks } = await ask(`/api/looks/${encodeURIComponent(name || " ")}`, { method: "PUT", body: { settings: settings() } });
    showLooks(looks);
    notice(null);
  } catch (error) {
    notice(error.message);
  }
}

async function toggleCamera() {
  if (isOpen()) {
    closeCamera();
    return;
  }
  if (!(await openCamera())) return;
  hideFrame();
  source = null;
  setChosen(null);
  $("stage-name").textContent = "webcam";
  $("welcome").hidden = true;
  $("timeline").hidden = $("times").hidden = true;
  $("render").disabled = true;
}

function showLink(text, kind) {
  $("link").textContent = text;
  $("link").className = `badge ${kind}`;
}

async function begin() {
  const state = await ask("/api/state");
  makeLibrary(choose, refresh);
  makePlayer();
  makeQueue(openPlayer, refresh);
  makeStage(state.tables, choosePreset);
  setFilmSettings(settings);
  makeTimeline(moved, showCommand);
  makeCamera(dreamSettings, refresh);
  makeKnobs(state.tables, knobsChanged);
  markPreset(state.tables.preset);
  $("camera-button").onclick = toggleCamera;
  $("render").onclick = render;
  $("suffix").onchange = showCommand;
  $("save-look").onclick = saveLook;
  $("copy-command").onclick = () => navigator.clipboard?.writeText($("command").textContent).catch(() => {});
  $("notice").querySelector("button").onclick = () => notice(null);
  let isFirst = true;
  on("open", async () => {
    showLink("ready", "good");
    await refresh();
    const wanted = source?.path ?? decodeURIComponent(location.hash.slice(1));
    if (isFirst && wanted) choose(wanted);
    else if (source) askLook(settings());
    isFirst = false;
  });
  on("closed", () => showLink("not connected", "bad"));
  on("engine", (head) => notice(head.line));
  on("renewed", () => isWaiting() && askLook(settings()));
  connect();
  document.documentElement.dataset.ready = "true";
}

begin().catch((error) => notice(error.message));
