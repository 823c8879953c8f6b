"use strict";
// Sides are all that is known here: who made a clip stays with the server.
const $ = (id) => document.getElementById(id);
const clips = [...document.querySelectorAll(".clip")];
const questions = [...document.querySelectorAll(".question")];
const THANKS_MS = 1500;
const AUDIO_OFF = "Audio is off until you click, tap or press a key.";
const AUDIO_ON = "Both clips loop, one plays its audio: point at a clip, tap it, or press the space bar.";
let ballot = null, current = 0, audible = 0, audioAllowed = false, busy = false;

async function post(path, body) {
  const answer = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  const values = await answer.json();
  if (!answer.ok) throw new Error(values.error);
  return values;
}

function show(id) {
  for (const part of ["pair", "done", "trouble"]) $(part).hidden = part !== id;
}

async function nextPair() {
  const shown = await post("api/pair", {});
  ballot = shown.pair;
  if (ballot === null) {
    clips.forEach((clip) => clip.querySelector("video").removeAttribute("src"));
    $("count").textContent = "";
    $("progress").value = $("progress").max;
    return show("done");
  }
  $("prompt").textContent = shown.prompt;
  $("count").textContent = `pair ${shown.voted + 1} of ${shown.pairs}`;
  $("progress").max = shown.pairs;
  $("progress").value = shown.voted;
  questions.forEach((question) => choose(question, null));
  clips.forEach((clip) => (clip.querySelector("video").src = `api/pairs/${ballot}/${clip.dataset.side}`));
  setCurrent(0);
  show("pair");
  play(0);
}

// One clip is audible at a time; browsers allow audio only after a first key, click or tap.
function play(index) {
  audible = index;
  clips.forEach((clip, place) => {
    const video = clip.querySelector("video"), plays = place === audible && audioAllowed;
    video.muted = !plays;
    clip.classList.toggle("plays", plays);
    clip.querySelector(".listen").setAttribute("aria-pressed", plays);
    if (video.src) video.play().catch(() => {});
  });
  $("hint").textContent = audioAllowed ? AUDIO_ON : AUDIO_OFF;
  $("hint").classList.toggle("needed", !audioAllowed);
}

function allowAudio() {
  if (audioAllowed) return;
  audioAllowed = true;
  play(audible);
}

function chosen(question) {
  return question.querySelector("[aria-pressed=true]")?.dataset.choice ?? null;
}

function choose(question, choice) {
  for (const button of question.querySelectorAll("button")) button.setAttribute("aria-pressed", button.dataset.choice === choice);
  $("vote").disabled = busy || !questions.every(chosen);
}

function setCurrent(index) {
  current = Math.max(0, Math.min(index, questions.length - 1));
  questions.forEach((question, place) => question.classList.toggle("current", place === current));
}

function answer(index, choice) {
  choose(questions[index], choice);
  const open = questions.findIndex((question, place) => place > index && !chosen(question));
  setCurrent(open >= 0 ? open : index);
  questions[current].scrollIntoView({ block: "nearest" });
}

async function attempt(work) {
  if (busy) return;
  busy = true;
  $("vote").disabled = true;
  try {
    await work();
  } catch (error) {
    $("trouble-text").textContent = error.message;
    show("trouble");
  } finally {
    busy = false;
    $("vote").disabled = !questions.every(chosen);
  }
}

const vote = () => attempt(async () => {
  if (!questions.every(chosen)) return;
  const choices = Object.fromEntries(questions.map((question) => [question.dataset.name, chosen(question)]));
  await post(`api/pairs/${ballot}/vote`, { choices });
  $("thanks").textContent = "Thank you";
  setTimeout(() => ($("thanks").textContent = ""), THANKS_MS);
  await nextPair();
  scrollTo(0, 0);
});

clips.forEach((clip, index) => {
  clip.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && index !== audible && play(index));
  clip.addEventListener("click", () => (allowAudio(), play(index)));
  clip.querySelector("video").addEventListener("error", () => ballot && fetch(`api/pairs/${ballot}/${clip.dataset.side}`)
    .then((got) => (got.ok ? "this clip cannot be played by your browser" : got.json().then((values) => values.error)))
    .then((told) => (($("trouble-text").textContent = told), show("trouble"))));
});
questions.forEach((question, index) => question.querySelectorAll("button").forEach((button) =>
  button.addEventListener("click", (event) => {
    answer(index, button.dataset.choice);
    if (event.detail) button.blur(); // after a mouse or a finger, Enter votes
  })));
$("vote").addEventListener("click", vote);
$("again").addEventListener("click", () => attempt(nextPair));
document.addEventListener("pointerdown", allowAudio);

const KEYS = { ArrowLeft: "a", ArrowDown: "tie", ArrowRight: "b" };
document.addEventListener("keydown", (event) => {
  if ($("pair").hidden || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const isButton = event.target instanceof HTMLButtonElement;
  allowAudio();
  if (event.key >= "1" && event.key <= String(questions.length)) setCurrent(Number(event.key) - 1);
  else if (event.key in KEYS) answer(current, KEYS[event.key]);
  else if (event.key === "ArrowUp") setCurrent(current - 1);
  else if (event.key === " " && !isButton) play(1 - audible);
  else if (event.key === "Enter" && !isButton) vote();
  else return;
  event.preventDefault();
});

attempt(nextPair);
