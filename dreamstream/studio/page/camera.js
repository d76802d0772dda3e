// The webcam: its pictures go to the studio, their dreams come back to a canvas.

import { backlog, on, send } from "./api.js";
import { $, notice } from "./dom.js";

const WIDTH = 640;
const RATE = 25;
const QUALITY = 0.8;
const IN_FLIGHT = 3;
const LONGEST = 1000; // milliseconds after which a picture counts as lost

let stream = null;
let timer = 0;
let flying = new Map();
let shown = [];
let grabber = null;
let settings = () => ({});
let whenSaved = () => {};

/** What is shown, for those who measure it: milliseconds from the camera to the canvas. */
export const figures = { frames: 0, latencies: [] };
window.dreamstreamCamera = figures;

export function makeCamera(getSettings, saved) {
  settings = getSettings;
  whenSaved = saved;
  $("camera-close").onclick = closeCamera;
  $("camera-still").onclick = () => send({ type: "camera", act: "snapshot" });
  $("camera-record").onclick = () => {
    const isOn = $("camera-record").getAttribute("aria-pressed") !== "true";
    send({ type: "camera", act: "record", on: isOn });
    showRecording(isOn);
  };
  on("camera", hear);
  on("closed", () => stream && closeCamera());
  on("engine", () => stream && closeCamera());
  on("refused", (head) => head.what === "camera" && notice(head.line));
}

export function isOpen() {
  return stream !== null;
}

export async function openCamera() {
  if (!navigator.mediaDevices?.getUserMedia) {
    notice("A page gets the camera only on this machine (http://127.0.0.1 or localhost) or over HTTPS.");
    return false;
  }
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      video: { width: { ideal: WIDTH }, height: { ideal: 360 }, frameRate: { ideal: 30 } },
      audio: false,
    });
  } catch (error) {
    stream = null;
    notice(`The camera can't be opened (${error.name}); plug one in, allow it, or close what uses it.`);
    return false;
  }
  const video = $("camera-video");
  video.srcObject = stream;
  await video.play();
  const scale = Math.min(1, WIDTH / video.videoWidth);
  const width = Math.round((video.videoWidth * scale) / 2) * 2;
  const height = Math.round((video.videoHeight * scale) / 2) * 2;
  for (const canvas of [$("camera-canvas"), (grabber = document.createElement("canvas"))]) {
    canvas.width = width;
    canvas.height = height;
  }
  $("camera").hidden = $("camera-buttons").hidden = false;
  $("camera-figures").textContent = "loading the network";
  figures.frames = 0;
  figures.latencies.length = 0;
  flying.clear();
  shown = [];
  send({ type: "camera", act: "open", width, height, settings: settings() });
  timer = setInterval(grab, 1000 / RATE);
  return true;
}

export function changeCamera() {
  if (stream) send({ type: "camera", act: "change", settings: settings() });
}

export function closeCamera() {
  clearInterval(timer);
  send({ type: "camera", act: "close" });
  for (const track of stream?.getTracks() ?? []) track.stop();
  stream = null;
  showRecording(false);
  $("camera").hidden = $("camera-buttons").hidden = true;
  $("welcome").hidden = !$("compare").hidden;
}

function showRecording(isOn) {
  $("camera-record").setAttribute("aria-pressed", String(isOn));
  $("camera-record").textContent = isOn ? "Stop recording" : "Record";
}

/** Sends a picture, unless so many are on their way that this one would come late. */
function grab() {
  const now = performance.now();
  for (const [stamp] of flying) if (now - stamp > LONGEST) flying.delete(stamp);
  if (flying.size >= IN_FLIGHT || backlog() > 200_000) return;
  flying.set(now, true);
  grabber.getContext("2d").drawImage($("camera-video"), 0, 0, grabber.width, grabber.height);
  grabber.toBlob(async (blob) => {
    if (!blob || !stream) return;
    const picture = new Uint8Array(await blob.arrayBuffer());
    const message = new Uint8Array(8 + picture.length);
    new DataView(message.buffer).setFloat64(0, now, true);
    message.set(picture, 8);
    send(message.buffer);
  }, "image/jpeg", QUALITY);
}

async function hear(head, data) {
  if (!stream) return;
  if (head.state === "failed" || head.state === "note") {
    notice(head.line);
    if (head.state === "failed") closeCamera();
  } else if (head.state === "recorded" || head.state === "snapshot") {
    notice(null);
    whenSaved(head.path);
  } else {
    for (const [stamp] of flying) if (stamp <= head.stamp) flying.delete(stamp);
    const picture = await createImageBitmap(data);
    $("camera-canvas").getContext("2d").drawImage(picture, 0, 0);
    picture.close();
    measure(head);
  }
}

function measure(head) {
  const now = performance.now();
  const latency = now - head.stamp;
  figures.frames += 1;
  figures.latencies.push(latency);
  shown.push({ now, latency });
  while (shown[0].now < now - 2000) shown.shift();
  if (figures.frames % 8) return;
  const seconds = (now - shown[0].now) / 1000;
  const sorted = shown.map((each) => each.latency).sort((a, b) => a - b);
  const parts = [
    `${((shown.length - 1) / Math.max(seconds, 0.001)).toFixed(1)} frames a second`,
    `${Math.round(sorted[sorted.length >> 1])} ms behind`,
    head.side ? `dreamed at ${head.side} px` : "loading the network",
  ];
  $("camera-figures").textContent = parts.join(" · ");
}
