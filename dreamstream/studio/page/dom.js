// Small helpers for the page.

export const $ = (id) => document.getElementById(id);

/** Makes an element; `text` is set as text, so that no name is ever read as HTML. */
export function make(tag, { text, children = [], ...attributes } = {}) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element[name] = value;
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  if (text !== undefined) element.textContent = text;
  element.append(...children);
  return element;
}

export function notice(line) {
  const box = $("notice");
  box.hidden = !line;
  box.querySelector("span").textContent = line ?? "";
}

/** Writes seconds as 1:02.3. */
export function clock(seconds) {
  const whole = Math.max(0, seconds);
  const minutes = Math.floor(whole / 60);
  return `${minutes}:${(whole - 60 * minutes).toFixed(1).padStart(4, "0")}`;
}

/** Writes a length of time as people say it. */
export function duration(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

export function size(bytes) {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Shows a blob in an image, and frees the one before. */
export function showBlob(image, blob) {
  const before = image.dataset.blob;
  const url = URL.createObjectURL(blob);
  image.dataset.blob = url;
  image.onload = () => before && URL.revokeObjectURL(before);
  image.src = url;
}

/** Calls act once, some milliseconds after the last call. */
export function later(milliseconds, act) {
  let timer = 0;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...given), milliseconds);
  };
}
