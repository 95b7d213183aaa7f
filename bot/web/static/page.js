// What works only with a script: times in the browser's own language, copying, and the keys of the queue. The page does
// without: every button is a form.
"use strict";

(() => {
  const dates = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short", hour: "numeric", minute: "2-digit" });

  function localize(root) {
    for (const time of root.querySelectorAll("time[datetime]")) {
      time.title = `${dates.format(new Date(time.dateTime))} (yours) · ${time.dataset.there || (time.dataset.there = time.title)}`;
    }
  }

  async function copy(button) {
    await navigator.clipboard.writeText(button.dataset.copy);
    const before = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = before; }, 1500);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
  });

  document.addEventListener("DOMContentLoaded", () => {
    localize(document);
    for (const element of document.querySelectorAll("[data-script]")) element.hidden = false;
  });
  // What is asked for again and again waits while nobody looks, and while somebody types there.
  document.addEventListener("htmx:beforeRequest", (event) => {
    const part = event.target;
    if (!(part.getAttribute("hx-trigger") || "").includes("every")) return;
    const busy = part.contains(document.activeElement) && document.activeElement.matches("input, textarea, select");
    if (document.hidden || busy) event.preventDefault();
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    localize(event.target);
    for (const element of event.target.querySelectorAll("[data-script]")) element.hidden = false;
  });
})();
