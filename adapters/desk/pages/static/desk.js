// The page works without this: it keeps the state fresh, lets the pad fill the field, says that the card is being read.
"use strict";

const language = document.documentElement.lang;
const pin = document.getElementById("pin");
const prove = document.getElementById("prove");
const progress = document.querySelector("[data-progress]");
const result = document.querySelector("[data-result]");
let number = null;

async function look() {
  const reply = await fetch("/state?lang=" + language, { cache: "no-store" });
  if (!reply.ok) return;
  const told = await reply.json();
  for (const place of document.querySelectorAll("[data-state]")) {
    const text = told[place.dataset.state];
    if (place.textContent !== text) place.textContent = text;
  }
  if (result && number !== null && told.number !== number) {
    result.textContent = told.resultText;
    result.className = "result result-" + told.result;
  }
  number = told.number;
}

async function keepLooking() {
  try {
    if (!document.hidden) await look();
  } catch {
    // the terminal is being started again; the next look tells
  }
  setTimeout(keepLooking, 1000);
}

if (document.querySelector("[data-state]")) keepLooking();

for (const button of document.querySelectorAll(".pad button")) {
  button.addEventListener("click", (event) => {
    event.preventDefault();
    if (button.value === "clear") pin.value = "";
    else if (pin.value.length < 4) pin.value += button.value;
  });
}

const limit = document.querySelector("[data-left]");
if (limit) {
  const left = Number(limit.dataset.left);
  const say = (seconds, text) => setTimeout(() => { limit.textContent = text; }, seconds * 1000);
  if (left > 30) say(left - 30, limit.dataset.soon);
  say(left, limit.dataset.over);
}

if (prove && progress) {
  prove.addEventListener("submit", (event) => {
    if (prove.dataset.sent) event.preventDefault();
    prove.dataset.sent = "yes";
    progress.textContent = prove.dataset.working;
  });
  addEventListener("pageshow", () => { delete prove.dataset.sent; if (pin) pin.value = ""; });
}
