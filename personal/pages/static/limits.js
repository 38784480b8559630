// Warns before a login ends and lets it go on; without this script pages only say how long it lasts.
"use strict";
(() => {
  const page = document.querySelector("[data-left]");
  if (!page || !("HTMLDialogElement" in window)) return;
  const told = page.dataset;
  const dialogs = Object.fromEntries([...page.querySelectorAll("dialog")].map((one) => [one.dataset.when, one]));
  const form = dialogs.soon.querySelector("form");
  const failed = dialogs.soon.querySelector("[data-failed]");
  const other = "BroadcastChannel" in window ? new BroadcastChannel("engawa-limits") : null;
  let ends = 0;
  let last = 0;
  let shown = "";

  const show = (when) => {
    if (shown === when) return;
    for (const one of Object.values(dialogs)) if (one.open) one.close();
    shown = when;
    if (when) dialogs[when].showModal();
  };

  const lasts = (left, most) => {
    ends = Date.now() + left * 1000;
    last = Date.now() + most * 1000;
  };

  const goOn = (left, most) => {
    lasts(left, most);
    failed.hidden = true;
    show("");
    if (told.leave) window.stop(); // the page was to go away by itself; from now on this script sees to it
    look();
  };

  const tell = (left, most) => other?.postMessage({ login: told.login, left, most });

  const over = () => {
    if (told.leave) location.replace(told.leave);
    else show("over");
  };

  const look = () => {
    const left = Math.ceil((Math.min(ends, last) - Date.now()) / 1000);
    if (left <= 0) return over();
    for (const place of page.querySelectorAll("[data-seconds]")) place.textContent = left;
    if (left <= Number(told.warn)) show(last <= ends ? "last" : "soon");
  };

  const stay = async (event) => {
    event.preventDefault();
    if (!told.login) return goOn(Number(told.idle), (last - Date.now()) / 1000);
    try {
      const reply = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
      if (!reply.ok) throw new Error(reply.statusText);
      const { left, last: most } = await reply.json();
      if (!left) return over();
      tell(left, most);
      goOn(left, most);
    } catch {
      failed.hidden = false;
    }
  };

  form.addEventListener("submit", stay);
  dialogs.soon.addEventListener("cancel", stay);
  for (const when of ["last", "over"]) {
    dialogs[when].querySelector("button").addEventListener("click", () => dialogs[when].close());
  }
  other?.addEventListener("message", ({ data }) => {
    if (told.login && data.login === told.login) goOn(data.left, data.most); // use by others is none of this login
  });
  lasts(Number(told.left), Number(told.last));
  if (told.login) tell(Number(told.left), Number(told.last));
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted && told.leave) location.reload(); // who goes back may be somebody else
    else look();
  });
  document.addEventListener("visibilitychange", look);
  setInterval(look, 1000);
  look();
})();
