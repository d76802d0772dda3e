// The renderings: what waits, what is being dreamed, what is done.

import { ask, fileUrl, on } from "./api.js";
import { $, duration, make, notice } from "./dom.js";

const jobs = new Map();
let play = () => {};
let whenDone = () => {};

export function makeQueue(player, done) {
  play = player;
  whenDone = done;
  on("job", ({ job }) => {
    const before = jobs.get(job.number)?.state;
    jobs.set(job.number, job);
    showJob(job);
    if (before !== job.state && job.state === "done") whenDone();
  });
  on("jobs", (head) => setJobs(head.jobs));
}

export function setJobs(given) {
  jobs.clear();
  for (const job of given) jobs.set(job.number, job);
  $("jobs").replaceChildren();
  for (const job of given) showJob(job);
  $("queue-empty").hidden = jobs.size > 0;
}

async function act(job, name) {
  try {
    await ask(`/api/jobs/${job.number}/${name}`, { method: "POST" });
  } catch (error) {
    notice(error.message);
  }
}

function showJob(job) {
  $("queue-empty").hidden = true;
  let row = $(`job-${job.number}`);
  if (!row) {
    row = make("li", { class: "job", id: `job-${job.number}` });
    row.append(make("img", { class: "picture", alt: "", hidden: true }), make("div"));
    $("jobs").prepend(row);
  }
  row.className = `job ${job.state}`;
  const image = row.querySelector(".picture");
  const url = job.shown ? `/api/jobs/${job.number}/frame?n=${job.shown}` : previewUrl(job);
  if (url && image.getAttribute("src") !== url) image.src = url;
  image.hidden = false;
  const focused = document.activeElement?.dataset?.act;
  const hadFocus = row.contains(document.activeElement);
  row.lastElementChild.replaceChildren(...describe(job));
  if (hadFocus && focused) row.querySelector(`[data-act="${focused}"]`)?.focus();
}

function previewUrl(job) {
  return job.there ? `/api/frame?path=${encodeURIComponent(job.output)}&t=1&w=320` : `/api/frame?path=${encodeURIComponent(job.source)}&t=1&w=320`;
}

function describe(job) {
  const name = job.output.replace(/^dreamstream-studio\/dreams\//, "");
  const parts = [make("p", { class: "title", text: name }), make("p", { class: "status", text: status(job) })];
  const { done = 0, frames } = job.figures;
  if (["running", "paused"].includes(job.state)) {
    const bar = make("progress", { max: 1, "aria-label": `${name}, share done` });
    if (frames && done) bar.value = Math.min(1, done / frames);
    parts.push(bar);
  }
  if (job.line) parts.push(make("p", { class: "line", text: job.line }));
  parts.push(make("div", { class: "row", children: buttons(job) }));
  return parts;
}

function status(job) {
  const { done = 0, frames, rate, left, phase } = job.figures;
  if (job.state === "done") return `done${job.seconds ? ` in ${duration(job.seconds)}` : ""}${frames > 1 ? `, ${frames} frames` : ""}`;
  if (job.state === "interrupted") return "interrupted; Resume goes on where it was";
  if (!["running", "paused"].includes(job.state)) return job.state;
  const parts = [job.state === "paused" ? "paused" : phase || "dreaming"];
  if (done) parts.push(frames ? `frame ${done} of ${frames}` : `frame ${done}`);
  if (rate) parts.push(`${rate < 10 ? rate.toPrecision(2) : Math.round(rate)} a second`);
  if (left != null && done) parts.push(`${duration(left)} left`);
  return parts.join(" · ");
}

function buttons(job) {
  const button = (name, text, extra) =>
    make("button", { type: "button", "data-act": name, text, onclick: () => act(job, name), ...extra });
  const list = [];
  if (job.state === "running") list.push(button("pause", "Pause"));
  if (job.state === "paused") list.push(button("continue", "Go on"));
  if (["queued", "running", "paused"].includes(job.state)) list.push(button("cancel", "Cancel"));
  if (["failed", "cancelled", "interrupted"].includes(job.state)) list.push(button("resume", "Resume"));
  const file = job.there ? job.output : job.part;
  if (file) {
    list.unshift(make("button", { type: "button", "data-act": "play", text: job.there ? "Watch" : "Watch the part", onclick: () => play(job, file) }));
    list.push(make("a", { class: "button", "data-act": "download", href: fileUrl(file, true), download: "", text: "Download" }));
  }
  const copy = () => navigator.clipboard?.writeText(job.command).catch(() => {});
  list.push(make("button", { type: "button", class: "plain", "data-act": "command", text: "Copy command", title: job.command, onclick: copy }));
  if (!["queued", "running", "paused"].includes(job.state)) list.push(button("remove", "Remove from list", { class: "plain" }));
  return list;
}
