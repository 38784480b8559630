// The pages work without this file; it adds a movable map, a copy button and the reader's position.
"use strict";

function copyButtons() {
  for (const button of document.querySelectorAll("button[data-copy]")) {
    if (!navigator.clipboard) continue;
    button.hidden = false;
    const label = button.textContent;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
      button.textContent = button.dataset.copied;
      setTimeout(() => { button.textContent = label; }, 2000);
    });
  }
}

function locateButton() {
  const button = document.getElementById("locate");
  if (!button || !navigator.geolocation || !window.isSecureContext) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        const field = document.getElementById("near");
        field.value = `${coords.latitude.toFixed(5)}, ${coords.longitude.toFixed(5)}`;
        field.form.requestSubmit();
      },
      () => { document.getElementById("locate-failed").textContent = button.dataset.failed; },
      { maximumAge: 60000, timeout: 10000 },
    );
  });
}

function marker(place, label, title, href, mark) {
  const icon = document.createElement("span");
  icon.textContent = label;
  const made = L.marker(place, {
    icon: L.divIcon({ className: `pin town-${mark || 0}`, html: icon, iconSize: [30, 30] }),
    title, alt: title, riseOnHover: true,
  });
  const text = document.createElement("span");
  text.textContent = title;
  made.bindTooltip(text, { direction: "top", offset: [0, -14] });
  if (href) {
    made.on("click", () => { location.href = href; });
    made.on("keypress", (event) => { if (event.originalEvent.key === "Enter") location.href = href; });
  }
  return made;
}

function placesOf(frame) {
  if (frame.dataset.lat) {
    return [{ place: [Number(frame.dataset.lat), Number(frame.dataset.lon)], label: "●", title: frame.dataset.title }];
  }
  return [...document.querySelectorAll(".entry[data-lat]")].map((entry) => {
    const link = entry.querySelector("a");
    return {
      place: [Number(entry.dataset.lat), Number(entry.dataset.lon)],
      label: entry.dataset.number,
      title: [entry.dataset.number, link.textContent, entry.dataset.town].filter(Boolean).join(" "),
      mark: entry.dataset.mark,
      href: link.href,
      entry,
    };
  });
}

function showMap() {
  const frame = document.getElementById("map");
  if (!frame || !window.L) return;
  const places = placesOf(frame);
  frame.textContent = "";
  frame.classList.add("alive");
  frame.setAttribute("role", "region");
  frame.setAttribute("aria-label", frame.dataset.label);
  const map = L.map(frame, { zoomControl: true, attributionControl: false, scrollWheelZoom: false, maxZoom: 18 });
  L.control.scale({ imperial: false }).addTo(map);
  if (frame.dataset.tiles) L.tileLayer(frame.dataset.tiles, { maxZoom: 18 }).addTo(map);
  const around = [];
  if (frame.dataset.here) {
    const here = frame.dataset.here.split(",").map(Number);
    around.push(here);
    L.circleMarker(here, { radius: 9, className: "here", interactive: false }).addTo(map);
  }
  for (const { place, label, title, href, mark, entry } of places) {
    around.push(place);
    const made = marker(place, label, title, href, mark).addTo(map);
    if (entry) {
      entry.addEventListener("mouseenter", () => made.getElement().classList.add("chosen"));
      entry.addEventListener("mouseleave", () => made.getElement().classList.remove("chosen"));
    }
  }
  map.fitBounds(L.latLngBounds(around), { padding: [28, 28], maxZoom: 15 });
}

copyButtons();
locateButton();
showMap();
