// The knobs, made from the studio's tables, and what they are set to.
//
// Settings are texts by the fields' names, as the command's flags take them.  Only what differs
// from the preset is kept.

import { $, make } from "./dom.js";

let tables = null;
let changed = {};
let preset = "";
let whenChanged = () => {};

export function makeKnobs(given, act) {
  tables = given;
  whenChanged = act;
  preset = tables.preset;
  $("preset").replaceChildren(
    ...tables.presets.map((each) =>
      make("option", { value: each.name, text: each.name, disabled: each.missing !== null }),
    ),
  );
  $("preset").onchange = () => choosePreset($("preset").value);
  $("reset").onclick = () => setSettings({ preset });
  const places = {
    first: $("first-knobs"),
    more: $("more-knobs").querySelector("div"),
    controls: $("controls-knobs").querySelector("div"),
    clip: $("clip-knobs").querySelector("div"),
    output: $("output-knobs").querySelector("div"),
  };
  for (const knob of tables.knobs) {
    let place = knob.first ? "first" : "more";
    if (knob.group === "clip") place = "clip";
    if (knob.group === "controls" || knob.group === "mask") place = "controls";
    if (knob.group === "output" || knob.group === "input") place = "output";
    places[place].append(makeField(knob));
  }
  show();
}

/** All that is set: the preset, and what differs from it. */
export function settings() {
  return { preset, ...changed };
}

/** The settings that the live view takes: those of the dream alone. */
export function dreamSettings() {
  const outside = new Set(
    tables.knobs.filter((each) => ["clip", "output", "input", "controls", "mask"].includes(each.group)).map((each) => each.name),
  );
  return Object.fromEntries(Object.entries(settings()).filter(([name]) => !outside.has(name)));
}

export function setSettings(given) {
  preset = given.preset ?? tables.preset;
  changed = Object.fromEntries(Object.entries(given).filter(([name]) => name !== "preset"));
  show();
  whenChanged();
}

/** Takes another preset; what a preset sets is discarded, all else stays. */
export function choosePreset(name) {
  preset = name;
  for (const field of tables.of_preset) delete changed[field];
  show();
  whenChanged();
}

function presetValues() {
  const found = tables.presets.find((each) => each.name === preset);
  return found.others[changed.model] ?? found.values;
}

function original(knob) {
  return presetValues()[knob.name] ?? knob.default;
}

function set(knob, text) {
  if (text === original(knob)) delete changed[knob.name];
  else changed[knob.name] = text;
  if (knob.name === "model") show(); // a preset dreams each network in its own way
  else mark(knob);
  whenChanged();
}

function mark(knob) {
  $(`field-${knob.name}`).classList.toggle("changed", knob.name in changed);
}

function show() {
  $("preset").value = preset;
  $("preset-about").textContent = tables.presets.find((each) => each.name === preset).about;
  for (const knob of tables.knobs) {
    $(`field-${knob.name}`).fill(changed[knob.name] ?? original(knob));
    mark(knob);
  }
}

function makeField(knob) {
  const makers = { switch: makeSwitch, choice: makeChoice, layers: makeLayers, range: makeRange, text: makeText, lines: makeLines };
  const field = makers[knob.kind](knob);
  field.id = `field-${knob.name}`;
  field.append(make("p", { class: "help", id: `help-${knob.name}`, text: knob.help }));
  return field;
}

function labelled(knob, control, output) {
  const label = make("label", { for: `knob-${knob.name}`, text: knob.label });
  if (output) label.append(output);
  return make("div", { class: "field", children: [label, control] });
}

function common(knob) {
  return { id: `knob-${knob.name}`, "aria-describedby": `help-${knob.name}` };
}

function makeRange(knob) {
  const output = make("output", { for: `knob-${knob.name}` });
  const control = make("input", {
    type: "range", min: knob.least, max: knob.most, step: knob.step, ...common(knob),
  });
  control.oninput = () => (output.textContent = control.value);
  control.onchange = () => set(knob, sameNumber(control.value, original(knob)));
  const field = labelled(knob, control, output);
  field.fill = (text) => {
    control.value = text;
    output.textContent = text;
  };
  return field;
}

/** Keeps the preset's own way to write a number that is equal. */
function sameNumber(text, wanted) {
  return Number(text) === Number(wanted) ? wanted : text;
}

function makeText(knob) {
  const control = make("input", { type: "text", placeholder: knob.none ?? "", autocomplete: "off", ...common(knob) });
  control.onchange = () => set(knob, control.value.trim() || original(knob));
  const field = labelled(knob, control);
  field.fill = (text) => (control.value = text);
  return field;
}

/** Lines of text, such as schedules, each a flag of its own. */
function makeLines(knob) {
  const control = make("textarea", { rows: 3, spellcheck: "false", placeholder: "chroma=0:(0), 5s:(1)", ...common(knob) });
  control.onchange = () => set(knob, control.value.trim());
  const field = labelled(knob, control);
  field.fill = (text) => (control.value = text);
  return field;
}

function makeChoice(knob) {
  const control = make("select", {
    ...common(knob),
    children: knob.choices.map((each) => make("option", { value: each, text: each })),
  });
  control.onchange = () => set(knob, control.value);
  const field = labelled(knob, control);
  field.fill = (text) => {
    if (![...control.options].some((each) => each.value === text)) {
      control.append(make("option", { value: text, text, disabled: true }));
    }
    control.value = text;
  };
  return field;
}

function makeSwitch(knob) {
  const control = make("input", { type: "checkbox", ...common(knob) });
  control.onchange = () => set(knob, String(control.checked));
  const label = make("label", { class: "switch", for: `knob-${knob.name}` });
  label.append(control, make("span", { text: knob.label }));
  const field = make("div", { class: "field", children: [label] });
  field.fill = (text) => (control.checked = text === "true");
  return field;
}

function parseLayers(text) {
  return new Map(
    text.split(",").filter(Boolean).map((part) => {
      const [name, value] = part.split("=");
      return [name.trim(), Number(value ?? 1)];
    }),
  );
}

/** A slider for each depth, and for each other layer that is set. */
function makeLayers(knob) {
  const rows = make("div", { role: "group", "aria-label": "layers" });
  const field = make("div", { class: "field", children: [make("div", { class: "label", text: "layers" }), rows] });
  field.fill = (text) => {
    const values = parseLayers(text);
    const names = [...new Set([...tables.depths, ...values.keys()])];
    rows.replaceChildren(...names.map((name) => makeLayer(knob, name, values)));
  };
  return field;
}

function makeLayer(knob, name, values) {
  const value = values.get(name) ?? 0;
  const output = make("output", { text: value });
  const control = make("input", {
    type: "range", min: Math.min(0, value), max: Math.max(1.5, value), step: 0.05, "aria-label": name, id: `layer-${name}`,
  });
  control.value = value;
  control.oninput = () => (output.textContent = control.value);
  control.onchange = () => {
    const number = Number(control.value);
    if (number) values.set(name, number);
    else values.delete(name);
    if (values.size) set(knob, [...values].map(([each, factor]) => `${each}=${factor}`).join(","));
    else {
      control.value = 0.05;
      control.onchange();
    }
    output.textContent = control.value;
  };
  return make("div", { class: "layer", children: [make("span", { text: name }), control, output] });
}
