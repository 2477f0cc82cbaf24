// What every page does: requests that change something, with the token, and what became of them.
"use strict";

document.documentElement.classList.add("scripted");

const token = () => document.querySelector('meta[name="viewfinder-token"]').content;

function tell(text, isError = false) {
  const toast = document.createElement("p");
  toast.className = isError ? "toast error" : "toast";
  toast.setAttribute("role", isError ? "alert" : "status");
  toast.textContent = text;
  document.getElementById("toasts").append(toast);
  setTimeout(() => toast.remove(), isError ? 12000 : 4000);
}

// One request of the API; throws an Error with the server's own words.
async function call(address, method = "GET", body = undefined) {
  const headers = { accept: "application/json", "x-viewfinder-token": token() };
  if (method !== "GET") headers["content-type"] = "application/json";
  const response = await fetch(address, { method, headers, body: body && JSON.stringify(body) }).catch(() => {
    throw new Error("Viewfinder cannot be reached. Is `viewfinder serve` still running?");
  });
  const reply = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(reply.error?.message ?? `The server answered ${response.status}.`);
  return reply;
}

// <button data-send="POST /fleet/bench" data-body='{}' data-done="Begun.">, or a form, whose "x[]" is a list.
for (const kind of ["click", "submit"]) document.addEventListener(kind, async (event) => {
  const sender = event.target.closest(kind === "click" ? "button[data-send]" : "form[data-send]");
  if (!sender) return;
  event.preventDefault();
  const button = event.submitter ?? sender, [method, address] = sender.dataset.send.split(" ");
  if (button.ariaBusy || (sender.dataset.confirm && !confirm(sender.dataset.confirm))) return;
  const body = JSON.parse(sender.dataset.body ?? "{}");
  for (const { name, type, value } of sender.querySelectorAll("input:checked")) {
    if (name.endsWith("[]")) (body[name.slice(0, -2)] ??= []).push(value);
    else body[name] = type === "checkbox" || value;
  }
  button.ariaBusy = "true"; // not disabled: it would lose the focus
  await call(address, method, body).then(
    () => sender.dataset.done && tell(sender.dataset.done), (error) => tell(error.message, true));
  button.ariaBusy = null;
  htmx.trigger(document.body, "refresh");
});

document.addEventListener("htmx:configRequest", ({ detail }) => { detail.headers.accept = "text/html"; });
document.addEventListener("htmx:responseError", () => tell("The page could not be refreshed.", true));
// A page with live parts says when the server is gone, and shows what is new when it is back. A stream that
// only begins again, because the settings were read again, for example, does so within 2 seconds.
let lost = 0;
function setGone(isGone) {
  const banner = document.getElementById("gone");
  lost = clearTimeout(lost);
  if (banner.hidden === isGone && !isGone) htmx.trigger(document.body, "refresh");
  banner.hidden = !isGone;
}
document.addEventListener("htmx:sseError", () => { lost ||= setTimeout(setGone, 3500, true); });
document.addEventListener("htmx:sendError", () => setGone(true));
document.addEventListener("htmx:sseOpen", () => setGone(false));
document.addEventListener("htmx:afterOnLoad", () => setGone(false));
document.addEventListener("htmx:beforeSwap", ({ detail }) => { // the session is over
  if (new URL(detail.xhr.responseURL).pathname === "/login") location.reload();
});
