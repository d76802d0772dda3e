// Requests to the studio, and its messages.

const listeners = new Map();
let socket = null;
let ticket = 0;

/** Calls act with (head, data) for each message of a type; data is a Blob where there is any. */
export function on(type, act) {
  listeners.set(type, [...(listeners.get(type) ?? []), act]);
}

function tell(type, head, data) {
  for (const act of listeners.get(type) ?? []) act(head, data);
}

export function nextTicket() {
  ticket += 1;
  return ticket;
}

/** Connects, and again whenever the connection is lost. */
export function connect() {
  const protocol = location.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(`${protocol}//${location.host}/ws`);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => tell("open", {});
  socket.onclose = () => {
    tell("closed", {});
    setTimeout(connect, 1000);
  };
  socket.onmessage = (event) => {
    if (typeof event.data === "string") {
      const head = JSON.parse(event.data);
      tell(head.type, head);
      return;
    }
    const length = new DataView(event.data).getUint32(0);
    const head = JSON.parse(new TextDecoder().decode(new Uint8Array(event.data, 4, length)));
    const data = new Blob([new Uint8Array(event.data, 4 + length)], { type: "image/jpeg" });
    tell(head.type, head, data);
  };
}

export function send(message) {
  if (socket?.readyState !== WebSocket.OPEN) return false;
  socket.send(message instanceof ArrayBuffer ? message : JSON.stringify(message));
  return true;
}

/** Bytes that wait to be sent. */
export function backlog() {
  return socket?.bufferedAmount ?? 0;
}

/** Asks for JSON; throws an Error whose message is the studio's line. */
export async function ask(path, { method = "GET", body } = {}) {
  const options = { method, headers: { "x-dreamstream": "1" } };
  if (body !== undefined) {
    options.headers["content-type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Error("the studio does not answer; is it still running?");
  }
  const text = await response.text();
  let answer = {};
  try {
    answer = JSON.parse(text || "{}");
  } catch {
    answer = { line: text };
  }
  if (!response.ok) throw new Error(answer.line ?? `the studio answered ${response.status}`);
  return answer;
}

/** Uploads a file as it is; tells the share that is sent. */
export function upload(file, tellShare) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/api/upload?name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader("x-dreamstream", "1");
    request.upload.onprogress = (event) => tellShare(event.loaded / Math.max(1, event.total));
    request.onerror = () => reject(new Error(`uploading ${file.name} failed: it broke off`));
    request.onload = () => {
      let answer = {};
      try {
        answer = JSON.parse(request.responseText);
      } catch {
        answer = { line: request.responseText };
      }
      if (request.status < 300) resolve(answer);
      else reject(new Error(answer.line || `uploading ${file.name} failed`));
    };
    request.send(file);
  });
}

export function frameUrl(path, seconds, width) {
  return `/api/frame?path=${encodeURIComponent(path)}&t=${seconds.toFixed(3)}&w=${width}`;
}

export function fileUrl(path, download = false) {
  return `/api/file?path=${encodeURIComponent(path)}${download ? "&download=1" : ""}`;
}

export function playUrl(path) {
  return `/api/play?path=${encodeURIComponent(path)}`;
}
