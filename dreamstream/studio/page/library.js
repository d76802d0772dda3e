// The files to choose from, and uploads.

import { frameUrl, upload } from "./api.js";
import { $, make, notice, size } from "./dom.js";

let files = [];
let chosen = null;
let whenChosen = () => {};
let whenAdded = () => {};

const visible = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) continue;
    visible.unobserve(target);
    waiting.push(target);
    if (waiting.length === 1) loadNext();
  }
});
const waiting = [];

/** Loads one thumbnail after another, so that the frame under the cursor never waits for many. */
function loadNext() {
  const image = waiting[0];
  const next = () => {
    waiting.shift();
    if (waiting.length) loadNext();
  };
  image.onload = next;
  image.onerror = () => {
    image.replaceWith(make("span", { class: "blank" }));
    next();
  };
  image.src = image.dataset.src;
}

export function makeLibrary(act, added) {
  whenChosen = act;
  whenAdded = added;
  $("find").oninput = showFiles;
  $("upload").onchange = () => {
    take([...$("upload").files]);
    $("upload").value = "";
  };
  let depth = 0;
  addEventListener("dragenter", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    depth += 1;
    document.body.classList.add("dropping");
  });
  addEventListener("dragleave", () => {
    depth = Math.max(0, depth - 1);
    if (!depth) document.body.classList.remove("dropping");
  });
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    depth = 0;
    document.body.classList.remove("dropping");
    take([...(event.dataTransfer?.files ?? [])]);
  });
}

export function setFiles(given) {
  files = given;
  showFiles();
}

export function setChosen(path) {
  chosen = path;
  for (const button of $("files").querySelectorAll("button")) {
    button.setAttribute("aria-current", String(button.dataset.path === path));
  }
}

async function take(list) {
  for (const file of list) {
    const bar = make("progress", { max: 1, value: 0, "aria-label": `uploading ${file.name}` });
    const row = make("div", { class: "upload", children: [make("span", { text: file.name }), bar] });
    $("uploads").append(row);
    try {
      const answer = await upload(file, (share) => (bar.value = share));
      await whenAdded();
      whenChosen(answer.path);
      notice(null);
    } catch (error) {
      notice(error.message);
    }
    row.remove();
  }
}

function showFiles() {
  const wanted = $("find").value.toLowerCase();
  const rows = files.filter((each) => each.path.toLowerCase().includes(wanted)).map(makeRow);
  $("files").replaceChildren(...rows);
  if (!files.length) $("files").append(make("li", { class: "quiet small", text: "There are no films or photos in this folder yet." }));
}

function makeRow(file) {
  const image = make("img", { alt: "", width: 64, height: 40, "data-src": frameUrl(file.path, 0, 160) });
  visible.observe(image);
  const name = file.path.replace(/^dreamstream-studio\//, "");
  const about = make("small", { text: `${file.kind} · ${size(file.size)}` });
  const text = make("span", { class: "text", children: [make("span", { class: "name", text: name }), about] });
  const button = make("button", {
    type: "button", class: "file", "data-path": file.path, title: file.path,
    "aria-current": String(file.path === chosen), children: [image, text],
    onclick: () => whenChosen(file.path),
  });
  return make("li", { children: [button] });
}
