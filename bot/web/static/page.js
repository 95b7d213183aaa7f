// What works only with a script: times in the browser's own language, copying, and the keys of the queue. The page does
// without: every button is a form.
"use strict";

(() => {
  // Times as the browser's language writes them, in the time zone of the schedule.
  const timeZone = document.documentElement.dataset.zone;
  const ofToday = new Intl.DateTimeFormat(undefined, { timeZone, hour: "numeric", minute: "2-digit" });
  const ofOtherDays = new Intl.DateTimeFormat(undefined, { timeZone, weekday: "short", day: "numeric", month: "short", hour: "numeric", minute: "2-digit" });
  const days = new Intl.DateTimeFormat("en", { timeZone, dateStyle: "short" });

  function localize(root) {
    for (const time of root.querySelectorAll("time.at")) {
      const moment = new Date(time.dateTime);
      if (Math.abs(moment - Date.now()) > 180 * 86_400_000) continue; // with its year, as the server wrote it
      const isToday = days.format(moment) === days.format(new Date());
      time.textContent = (isToday ? ofToday : ofOtherDays).format(moment);
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

  // The keys of the queue: j and k go through the drafts, a, e and r approve, edit and reject the current one.
  const drafts = () => [...document.querySelectorAll("[data-draft]")];
  const current = () => document.activeElement.closest("[data-draft]");

  function go(step) {
    const all = drafts();
    const at = all.indexOf(current());
    const next = all[Math.min(Math.max(at < 0 ? 0 : at + step, 0), all.length - 1)];
    if (next) {
      next.focus();
      next.scrollIntoView({ block: "nearest" });
    }
  }

  function decide(key) {
    const draft = current() || drafts()[0];
    const part = draft && draft.querySelector(`[data-key="${key}"]`);
    if (!part) return;
    draft.focus();
    if (part.matches("details")) {
      part.open = true;
      const field = part.querySelector("textarea, input:not([type=hidden])");
      field.focus();
      field.setSelectionRange(field.value.length, field.value.length);
    } else {
      sessionStorage.setItem("draft", drafts().indexOf(draft));
      part.click();
    }
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !document.querySelector("[data-queue]")) return;
    const typing = event.target.matches("input, textarea, select");
    if (typing && event.key === "Escape") {
      const part = event.target.closest("details");
      const draft = event.target.closest("[data-draft]");
      if (part) part.open = false;
      if (draft) draft.focus();
    }
    if (typing && event.key === "Enter" && event.target.matches("input")) sessionStorage.setItem("draft", drafts().indexOf(current()));
    if (typing) return;
    if (event.key === "j") go(1);
    else if (event.key === "k") go(-1);
    else if ("aer".includes(event.key)) decide(event.key);
    else return;
    event.preventDefault();
  });

  function goOn() {
    const at = sessionStorage.getItem("draft");
    sessionStorage.removeItem("draft");
    const all = drafts();
    if (at !== null && all.length) all[Math.min(at, all.length - 1)].focus();
  }

  document.addEventListener("DOMContentLoaded", () => {
    localize(document);
    goOn();
    const tab = document.querySelector("nav [aria-current]");
    if (tab) tab.parentElement.parentElement.parentElement.scrollLeft = tab.offsetLeft - 60;
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
