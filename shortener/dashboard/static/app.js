// What pages do beyond links and forms. Each part does nothing on a page that has no place for it.
const one = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const inField = (target) => target.closest?.("input, textarea, select, [contenteditable]");

// An invitation stands behind the # of its address, and leaves it before anything else happens.
const invitation = one("[data-fragment]");
if (invitation && location.hash.length > 1) {
  invitation.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname);
  if ("send" in invitation.form.dataset) invitation.form.submit();
}

// The answer to a form shows a secret once. A reload asks for the page, and does not send the form again.
const secret = one("[data-once]");
if (secret) history.replaceState(null, "", secret.dataset.once);

// Trusted Types: fragments of our own server pass; scripts in them become empty, and expressions in attributes fail.
if (window.htmx) {
  const policy = window.trustedTypes?.createPolicy("htmx", { createHTML: (html) => html, createScript: () => "" });
  const refuse = function () { throw new Error("expressions in attributes are not allowed"); };
  htmx.registerExtension("safe", { init: (api) => api.initSecurity(policy, refuse, refuse) });
}

const remember = (name, value) => {
  document.cookie = `${name}=${encodeURIComponent(value)}; Path=/-/; Max-Age=31536000; SameSite=Lax`;
};
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone && !document.cookie.includes(`zone=${encodeURIComponent(zone)}`)) {
  remember("zone", zone);
  // Days begin at midnight of the reader: the figures are others now.
  if (one("[data-figures]") && document.cookie.includes("zone=")) location.reload();
}

// Copying
function select(element) {
  const range = document.createRange();
  range.selectNodeContents(element);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
}
async function copy(text) {
  if (navigator.clipboard && window.isSecureContext) {
    try { await navigator.clipboard.writeText(text); return true; } catch { /* the old way may be allowed */ }
  }
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "hidden";
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  return done;
}
function showCopied(button) {
  const use = one("use", button), label = one("span", button);
  if (button.dataset.busy) return;
  button.dataset.busy = "1";
  const before = label?.textContent;
  use?.setAttribute("href", "#i-check");
  if (label) label.textContent = document.body.dataset.copied;
  button.classList.add("copied");
  setTimeout(() => {
    use?.setAttribute("href", "#i-copy");
    if (label) label.textContent = before;
    button.classList.remove("copied");
    delete button.dataset.busy;
  }, 1600);
}
const announce = (text) => {
  const said = document.createElement("p");
  said.className = "hidden";
  said.textContent = text;
  one("#toasts").append(said);
  setTimeout(() => said.remove(), 4000);
};
// What a page begins with is not read aloud.
const begun = one("#toasts .toast span");
if (begun) setTimeout(() => announce(begun.textContent), 300);
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  event.preventDefault();
  if (await copy(button.dataset.copy)) {
    showCopied(button);
    announce(`${button.dataset.said ?? button.dataset.copy} ${document.body.dataset.copied}`);
  }
});
async function greetMade(root) {
  const made = one("[data-made]", root);
  if (!made || made.dataset.seen) return;
  made.dataset.seen = "1";
  history.replaceState(history.state, "", "/-/");
  const button = one("[data-copy]", made);
  if (document.body.dataset.copyNew === "off") return;
  if (await copy(made.dataset.made)) {
    one("[data-made-said]", made).textContent = document.body.dataset.copied;
    showCopied(button);
    announce(`${made.dataset.made} ${document.body.dataset.copied}`);
  } else {
    select(one(".made-link", made));
  }
}

// Start
function asUrl(text) {
  const trimmed = text.trim();
  return /^[\w-]+(\.[\w-]+)+([/:?#]|$)/.test(trimmed) ? `https://${trimmed}` : trimmed;
}
document.addEventListener("paste", (event) => {
  const field = one("[data-paste]");
  if (!field || (inField(event.target) && event.target !== field)) return;
  const text = event.clipboardData.getData("text").trim();
  if (!text) return;
  if (text.includes("\n") && "many" in field.dataset) { event.preventDefault(); checkList(text); return; }
  if (event.target !== field) { field.focus(); } else if (field.value && field.selectionEnd - field.selectionStart < field.value.length) return;
  event.preventDefault();
  field.value = asUrl(text.split(/\s*\n/)[0]);
  field.dispatchEvent(new Event("input", { bubbles: true }));
});
// Several lines are a list.
function checkList(text) {
  const form = document.createElement("form"), field = document.createElement("textarea");
  Object.assign(form, { method: "post", action: "/-/import", enctype: "multipart/form-data", hidden: true });
  Object.assign(field, { name: "text", value: text });
  form.append(field);
  document.body.append(form);
  form.submit();
}
document.addEventListener("paste", (event) => {
  const field = event.target;
  if (!field.matches?.("[data-auto]") || field.value || !event.clipboardData.getData("text").trim().includes("\n")) return;
  setTimeout(() => field.form.requestSubmit());
});
function takeFile(form, file) {
  const said = one("[data-file-said]", form);
  const fault = file && (file.size ? file.size > form.dataset.max && form.dataset.tooLarge : form.dataset.empty);
  said.classList.toggle("error", Boolean(fault));
  if (fault) { said.textContent = fault; one("[data-file]", form).value = ""; } else if (file) form.requestSubmit();
}
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-file]")) takeFile(event.target.form, event.target.files[0]);
});
for (const kind of ["dragover", "dragleave", "drop"]) document.addEventListener(kind, (event) => {
  const form = one("[data-drop]");
  if (!form || !event.dataTransfer?.types.includes("Files")) return;
  event.preventDefault();
  form.classList.toggle("over", kind === "dragover");
  if (kind === "drop") { one("[data-file]", form).files = event.dataTransfer.files; takeFile(form, event.dataTransfer.files[0]); }
});
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-paste]")) event.target.value = asUrl(event.target.value);
});
let asking, timer;
document.addEventListener("input", (event) => {
  const field = event.target;
  if (!field.matches("[data-code]")) return;
  const said = one("[data-code-said]");
  clearTimeout(timer);
  asking?.abort();
  said.hidden = true;
  if (!field.value) return;
  timer = setTimeout(async () => {
    asking = new AbortController();
    try {
      const domain = field.form?.elements.domain?.value ?? "-";
      const on = domain === "-" ? "" : `&domain=${encodeURIComponent(domain)}`;
      const answer = await fetch(`/-/code?code=${encodeURIComponent(field.value)}${on}`, { signal: asking.signal });
      if (!answer.ok) return;
      const state = (await answer.json()).state;
      said.textContent = said.dataset[state];
      said.classList.toggle("error", state !== "free");
      said.hidden = false;
    } catch { /* an older question, or offline */ }
  }, 300);
});
document.addEventListener("click", (event) => {
  const carry = event.target.closest("[data-carry]");
  const form = carry?.closest("form");
  if (!form) return;
  const query = new URLSearchParams();
  for (const name of ["url", "code", "title"]) if (form.elements[name]?.value) query.set(name, form.elements[name].value);
  if (query.size) carry.href = `/-/new?${query}`;
});

// Tags: what is suggested completes the last of them.
let tags;
const suggestTags = (field) => {
  const before = field.value.replace(/[^,]*$/, "").trim(), has = before.split(/\s*,\s*/);
  field.list.replaceChildren(...tags.filter((tag) => !has.includes(tag)).map((tag) => new Option("", `${before}${before && " "}${tag}`)));
};
document.addEventListener("focusin", async (event) => {
  const field = event.target;
  if (!field.matches?.("[data-tags]")) return;
  try { tags ??= await (await fetch("/-/tags/names")).json(); } catch { tags = []; }
  suggestTags(field);
});
document.addEventListener("input", (event) => { if (tags && event.target.matches("[data-tags]")) suggestTags(event.target); });

// Small things
document.addEventListener("click", (event) => {
  for (const menu of all("details[data-menu][open]")) if (!menu.contains(event.target)) menu.open = false;
  const close = event.target.closest("[data-close]");
  if (close) {
    const toast = close.closest(".toast"), hasFocus = toast.contains(document.activeElement);
    toast.remove();
    // Where the next key begins.
    if (hasFocus) one("#main").focus({ preventScroll: true });
  }
  const reveal = event.target.closest("[data-reveal]");
  if (reveal) {
    const field = document.getElementById(reveal.dataset.reveal);
    const shown = field.type === "password";
    field.type = shown ? "text" : "password";
    reveal.setAttribute("aria-pressed", shown);
  }
  const share = event.target.closest("[data-share]");
  if (share) navigator.share({ url: share.dataset.share }).catch(() => {});
});
document.addEventListener("toggle", (event) => {
  const name = event.target.dataset?.remember;
  if (name) localStorage.setItem(name, event.target.open ? "1" : "");
}, true);
function expire(toast) {
  if (toast.dataset.counted) return;
  toast.dataset.counted = "1";
  // What an older one would undo may not be there any more, and `u` undoes the last change.
  all(".toast[data-counted]").forEach((other) => { if (other !== toast) other.remove(); });
  const end = () => (toast.matches(":hover, :focus-within") ? setTimeout(end, 2000) : toast.remove());
  setTimeout(end, "long" in toast.dataset ? 20000 : 6000);
}
function prepare(root = document) {
  all("[data-reveal]", root).forEach((button) => { button.hidden = false; });
  all("[data-share]", root).forEach((button) => { button.hidden = !navigator.share; });
  all("[data-remember]", root).forEach((part) => { if (localStorage.getItem(part.dataset.remember)) part.open = true; });
  all(".toast").forEach(expire);
  greetMade(root);
}
const touch = matchMedia("(pointer: coarse)").matches;
prepare();
if (touch) document.activeElement?.blur?.();
document.addEventListener("htmx:after:swap", () => prepare());
addEventListener("offline", () => announce(document.body.dataset.offline));

// A form that waited for a login, and a page that has to wait.
one("[data-send-now]")?.submit();
const wait = one("[data-countdown]");
if (wait) {
  const end = Date.now() + 1000 * wait.dataset.countdown;
  const tick = setInterval(() => {
    const left = Math.max(0, Math.ceil((end - Date.now()) / 1000));
    wait.textContent = left ? wait.dataset.text.replace("%s", left) : "";
    if (left) return;
    clearInterval(tick);
    if (wait.dataset.again) location.replace(wait.dataset.again);
  }, 500);
}

// Time zones that the browser knows.
const zones = one("[data-zones]");
if (zones) for (const name of Intl.supportedValuesOf?.("timeZone") ?? []) zones.append(new Option(name, name));

// Lists
const rows = () => all("[data-row]");
const at = () => document.activeElement?.closest?.("[data-row]") ?? one("[data-row].at");
function standAt(row) {
  rows().forEach((each) => each.classList.toggle("at", each === row));
  one("[data-open]", row)?.focus({ preventScroll: true });
}
function move(step) {
  const list = rows(), here = at();
  const next = list[here ? Math.min(Math.max(list.indexOf(here) + step, 0), list.length - 1) : 0];
  if (!next) return;
  standAt(next);
  next.scrollIntoView({ block: "nearest" });
}
// Back leads to the row from which the page was left. Keys click, too.
document.addEventListener("click", (event) => {
  const row = event.target.closest?.("[data-row]");
  if (row) history.replaceState({ ...history.state, row: row.dataset.row }, "");
});
const left = rows().find((row) => row.dataset.row === history.state?.row);
if (left) standAt(left);
// A list that is replaced gives the focus back to the row that had it, or to the one in its place.
let wasAt = -1, rowAt;
document.addEventListener("htmx:before:swap", () => { wasAt = rows().indexOf(at()); rowAt = at()?.dataset.row; });
document.addEventListener("htmx:after:swap", () => {
  const list = rows();
  if (wasAt >= 0 && list.length && document.activeElement === document.body) standAt(list.find((row) => row.dataset.row === rowAt) ?? list[Math.min(wasAt, list.length - 1)]);
  wasAt = -1;
});
function showSelection() {
  const bulk = one("[data-bulk]");
  if (!bulk) return;
  const chosen = all("[data-row] .pick input:checked");
  bulk.classList.toggle("on", chosen.length > 0);
  const said = one("[data-selected]");
  said.hidden = !chosen.length;
  one("[data-total]").hidden = chosen.length > 0;
  said.textContent = said.dataset.text.replace("%s", chosen.length);
  const copyAll = one("[data-copy-selected]");
  if (copyAll) {
    copyAll.hidden = !chosen.length;
    copyAll.dataset.copy = chosen.map((box) => box.dataset.url).join("\n");
  }
  const boxes = all("[data-row] .pick input"), whole = one("[data-all]");
  whole.checked = boxes.length > 0 && chosen.length === boxes.length;
  whole.indeterminate = chosen.length > 0 && !whole.checked;
}
let lastBox;
document.addEventListener("click", (event) => {
  const box = event.target.closest?.("[data-row] .pick input");
  if (!box) return;
  if (event.shiftKey && lastBox) {
    const boxes = all("[data-row] .pick input");
    const [from, to] = [boxes.indexOf(lastBox), boxes.indexOf(box)].sort((a, b) => a - b);
    boxes.slice(from, to + 1).forEach((each) => { each.checked = box.checked; });
  }
  lastBox = box;
});
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-all]")) all("[data-row] .pick input").forEach((box) => { box.checked = event.target.checked; });
  if (event.target.matches("[data-all], [data-row] .pick input")) showSelection();
  if (event.target.matches(".condition select")) event.target.closest(".condition").querySelector("input").placeholder = event.target.selectedOptions[0].dataset.hint ?? "";
});
// The form of filters changes what is searched for: the whole page follows.
document.addEventListener("click", (event) => {
  if (event.target.matches("[data-plain]")) { event.preventDefault(); HTMLFormElement.prototype.submit.call(event.target.form); }
});

// Charts
function tip(chart, slot) {
  one(".tip", chart)?.remove();
  all(".slots .at", chart).forEach((each) => each.classList.remove("at"));
  if (!slot) return;
  slot.classList.add("at");
  const box = document.createElement("div");
  box.className = "tip";
  box.textContent = slot.dataset.label;
  const plot = one(".plot", chart), place = slot.getBoundingClientRect(), frame = plot.getBoundingClientRect();
  plot.append(box);
  const half = box.offsetWidth / 2, middle = place.left - frame.left + place.width / 2;
  box.style.left = `${Math.min(Math.max(middle, half), frame.width - half)}px`;
}
// A click on a part of the chart makes it the span, and so does a line that is dragged over several. With the keys:
// arrows, with Shift to mark several, and Enter.
const slotsOf = (chart) => all(".slots rect", chart);
const marked = { chart: null, from: 0, to: 0 };
function mark(chart, from, to) {
  Object.assign(marked, { chart, from, to });
  const [first, last] = [Math.min(from, to), Math.max(from, to)];
  slotsOf(chart).forEach((slot, n) => slot.classList.toggle("marked", first !== last && n >= first && n <= last));
}
function zoom() {
  const slots = slotsOf(marked.chart), [first, last] = [Math.min(marked.from, marked.to), Math.max(marked.from, marked.to)];
  const from = slots[first]?.dataset.first, to = slots[last]?.dataset.last;
  if (!from || !to || (slots[0].dataset.first === from && slots.at(-1).dataset.last === to)) return;
  const address = new URL(location.href);
  address.searchParams.delete("span");
  address.searchParams.set("from", from);
  address.searchParams.set("to", to);
  location.assign(address);
}
let isDragging = false;
document.addEventListener("pointerdown", (event) => {
  const slot = event.pointerType !== "touch" && event.button === 0 && event.target.closest?.(".slots rect[data-first]");
  if (!slot) return;
  event.preventDefault();
  const chart = slot.closest("[data-chart]"), n = slotsOf(chart).indexOf(slot);
  isDragging = true;
  mark(chart, n, n);
});
document.addEventListener("pointerup", () => { if (isDragging) { isDragging = false; zoom(); } });
document.addEventListener("pointercancel", () => { isDragging = false; });
document.addEventListener("keydown", (event) => {
  const chart = event.target.matches?.("[data-chart]") ? event.target : null, slots = chart && slotsOf(chart);
  const moves = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
  if (!slots?.length || !(event.key in moves || event.key === "Enter")) return;
  event.preventDefault();
  if (event.key === "Enter") { if (marked.chart === chart) zoom(); return; }
  const here = marked.chart === chart ? marked.to : slots.length;
  const to = Math.min(Math.max(here + moves[event.key], 0), slots.length - 1);
  mark(chart, event.shiftKey && marked.chart === chart ? marked.from : to, to);
  tip(chart, slots[to]);
  announce(slots[to].dataset.label);
});
document.addEventListener("pointerover", (event) => {
  const slot = event.target.closest?.(".slots rect");
  if (slot && isDragging && marked.chart.contains(slot)) mark(marked.chart, marked.from, slotsOf(marked.chart).indexOf(slot));
  if (slot) { one("title", slot)?.remove(); tip(slot.closest("[data-chart]"), slot); } else if (one(".tip")) tip(one("[data-chart]"), null);
});

// Keys
const follow = (selector, root) => { const found = one(selector, root); if (found) found.click(); return Boolean(found); };
const inRow = (selector) => () => { const row = at(); return row ? follow(selector, row) : follow(selector); };
// A menu that asks: Enter says yes.
const openMenu = (menu) => { menu.open = true; one("button", menu).focus(); return true; };
// What is selected goes before where the cursor stands.
const remove = () => (one("[data-row] .pick input:checked") ? follow("#bulk .danger") : at() && follow("[data-delete]", at()));
const PLACES = { s: "/-/", l: "/-/links", t: "/-/tags", k: "/-/keys", w: "/-/workspaces", a: "/-/account" };
// When `g` was pressed. The key after it may take its time: not everybody types fast.
const GOING_MS = 5000;
let going = 0;
const KEYS = {
  g: () => { going = Date.now(); return true; },
  "/": () => { const field = one("#q") ?? one("#find"); if (!field) return false; field.focus(); field.select(); return true; },
  n: () => follow("[data-new]"),
  "?": () => { if (!openKeys()) location.assign("/-/help"); return true; },
  D: inRow("[data-duplicate]"),
  j: () => move(1), k: () => move(-1),
  c: () => (at() ? follow(".copy", at()) : follow(".link-head .copy")),
  e: inRow("[data-edit]"), q: inRow("[data-qr]"),
  d: () => at() && follow("[data-toggle]", at()),
  o: () => at() && follow("[data-look]", at()),
  h: () => at() && follow("[data-host]", at()),
  w: () => follow("[data-switcher]"),
  "#": () => remove(), Delete: () => remove(),
  u: () => follow("[data-undo]"),
  x: () => (at() ? follow(".pick input", at()) : follow("[data-compare]")),
  "*": () => follow("[data-all]"),
  b: () => (at() && one("[data-ban]", at()) ? openMenu(one("[data-ban]", at())) : follow("[data-bots]")),
  "[": () => follow("[data-previous]"), "]": () => follow("[data-next]"),
  ArrowLeft: () => follow("[data-earlier]"), ArrowRight: () => follow("[data-later]"),
};
// An element that htmx has not prepared yet hears nothing: a key may be pressed while the page is still loading.
function ask(element, event) {
  if ("htmxPowered" in element.dataset) htmx.trigger(element, event); else setTimeout(ask, 20, element, event);
}
// The palette, and the keys of all screens, are dialogs.
function openKeys() {
  const keys = one("#shortcuts");
  if (!keys || !window.htmx) return false;
  keys.showModal();
  ask(one("#help", keys), "open");
  return true;
}
function openPalette() {
  const palette = one("#palette");
  if (!palette || !window.htmx || palette.open) return false;
  palette.showModal();
  one("#any").select();
  ask(one("form", palette), "open");
  return true;
}
// Enter follows the first result of what is typed, and waits until it is there.
let waiting = null;
function goTo(found, inNewTab) {
  if (!found) return;
  if (inNewTab) window.open(found.href, "_blank", "noopener"); else location.assign(found.href);
}
function goOn() {
  if (!waiting || one("#found").dataset.q !== one("#any").value) return;
  const go = waiting;
  waiting = null;
  go();
}
document.addEventListener("htmx:after:swap", goOn);
// Behind a dialog nothing is read aloud, and a region that is replaced is not, either.
document.addEventListener("htmx:after:swap", (event) => {
  if (one("#palette")?.contains(event.detail.ctx.sourceElement)) one("[data-found-said]").textContent = one("#found").dataset.said;
});
document.addEventListener("input", (event) => { if (event.target.matches("#any")) waiting = null; });
document.addEventListener("click", (event) => { if (event.target.matches("dialog.palette")) event.target.close(); });
document.addEventListener("keydown", (event) => {
  const palette = one("#palette[open]");
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k" && openPalette()) { event.preventDefault(); return; }
  if (!palette) return;
  const found = all("#found a", palette), here = found.indexOf(document.activeElement), chosen = found[Math.max(here, 0)];
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    const next = here + (event.key === "ArrowDown" ? 1 : -1);
    (next < 0 ? one("#any") : found[Math.min(next, found.length - 1)])?.focus();
  } else if (event.key === "Enter") {
    event.preventDefault();
    waiting = () => goTo(here < 0 ? one("#found a") : chosen, event.ctrlKey || event.metaKey);
    goOn();
  } else if ((event.ctrlKey || event.metaKey) && event.key === "c" && chosen?.dataset.short && !getSelection().toString()) {
    copy(chosen.dataset.short).then((done) => done && announce(`${chosen.dataset.short} ${document.body.dataset.copied}`));
    palette.close();
  } else if (event.key.length === 1 && here >= 0 && !event.ctrlKey && !event.metaKey) one("#any").focus();
});
document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || one("dialog[open]")) return;
  if (event.key === "Escape") {
    const open = one("details[data-menu][open]");
    if (open) { open.open = false; one("summary", open).focus(); } else if (inField(event.target)) event.target.blur();
    return;
  }
  if (document.body.dataset.keys === "off" || event.ctrlKey || event.metaKey || event.altKey || inField(event.target)) return;
  if (PLACES[event.key] && Date.now() - going < GOING_MS) { event.preventDefault(); location.assign(PLACES[event.key]); return; }
  const span = /^\d$/.test(event.key) && one(`[data-figures] [data-key="${event.key}"]`);
  if (span) { event.preventDefault(); span.click(); return; }
  if (KEYS[event.key]?.() !== false && KEYS[event.key]) event.preventDefault();
});

// Live: messages say what has happened, and the parts of the page that show it are asked for again.
const LIVE_EVERY_MS = 2000, POLL_EVERY_MS = 5000, CONNECT_AFTER_MS = 1000;
const due = new Set();
// `isBehind`: something may have happened that was not heard.
let source, resting, isHeard = false, isBehind = false, isOver = false;
// What somebody is doing there is not taken away.
const isInUse = (part) => one("details[open]:is([data-menu], .change)", part) || (part.contains(document.activeElement) && inField(document.activeElement));
function refresh() {
  clearTimeout(resting);
  resting = due.size && setTimeout(() => { resting = 0; refresh(); }, LIVE_EVERY_MS);
  for (const part of [...due].map((id) => document.getElementById(id))) if (part && !isInUse(part)) { due.delete(part.id); htmx.trigger(part, "live"); }
}
function later(kind) {
  for (const part of all("[data-live]")) {
    if (kind && !part.dataset.live.split(" ").includes(kind)) continue;
    if (part.dataset.after) waitFor(part); else due.add(part.id);
  }
  if (due.size && !resting) refresh();
}
// Figures of groups follow a click after a while.
const waits = new Set();
function waitFor({ id, dataset }) {
  if (waits.has(id)) return;
  waits.add(id);
  setTimeout(() => { waits.delete(id); due.add(id); if (!resting) refresh(); }, Number(dataset.after));
}
function hear(type, about) {
  if (type === "ready") {
    const figures = one("[data-total]");
    if (isBehind || (figures && Object.values(about.totals).some((total) => total > figures.dataset.total))) later();
    [isHeard, isBehind] = [true, false];
  } else if (type === "closed" && !["slow", "stopping"].includes(about.reason)) {
    isOver = true;
    disconnect();
  } else later(type === "gap" ? undefined : type.split(".")[0]);
}
function connect() {
  const channels = new Set(all("[data-channel]").map((part) => part.dataset.channel));
  if (!channels.size || !window.htmx || document.hidden || source || isOver) return;
  source = new EventSource(`/-/live?${new URLSearchParams([...channels].map((name) => ["channel", name]))}`);
  source.addEventListener("message", (event) => { const { type, data } = JSON.parse(event.data); hear(type, data); });
  source.addEventListener("error", () => { [isHeard, isBehind] = [false, true]; });
}
function disconnect() {
  source?.close();
  source = undefined;
  [isHeard, isBehind] = [false, true];
  due.clear();
}
document.addEventListener("visibilitychange", () => { if (document.hidden) disconnect(); else connect(); });
addEventListener("pagehide", disconnect);
addEventListener("pageshow", (event) => { if (event.persisted) connect(); });
setTimeout(connect, CONNECT_AFTER_MS);
// Where nothing is heard, the page asks by itself.
setInterval(() => { if (source && !isHeard) later(); }, POLL_EVERY_MS);
// A login that has ended is no reason to leave the page: a dialog asks for it, and then what was refused is sent again.
let refused = null;
function sendAgain() {
  const { sourceElement, sourceEvent, request } = refused;
  refused = null;
  isOver = false;
  connect();
  if (sourceEvent.type === "submit") sourceElement.requestSubmit(request.submitter);
  else sourceEvent.target.dispatchEvent(new Event(sourceEvent.type, { bubbles: true, cancelable: true }));
}
document.addEventListener("htmx:after:swap", () => {
  const door = one("[data-door]");
  if (door && !door.open) door.showModal();
});
document.addEventListener("logged-in", sendAgain);
document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-resend]")) return;
  one("[data-door]").remove();
  sendAgain();
});
document.addEventListener("close", (event) => { if (event.target.matches("[data-door]")) { refused = null; event.target.remove(); } }, true);
document.addEventListener("htmx:before:response", (event) => {
  const { sourceElement, response } = event.detail.ctx;
  if (response.status === 401 && !sourceElement.matches("[data-live]")) refused = event.detail.ctx;
  if (!sourceElement?.matches?.("[data-live]") || response.status < 400) return;
  event.preventDefault();
  if (response.status < 429) { isOver = true; disconnect(); }
});

// What is looked at is read.
const send = (form) => fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), redirect: "manual", keepalive: true });
// Hides what nobody needs any more, once the focus is elsewhere.
function leave(part) {
  if (part.contains(document.activeElement)) part.addEventListener("focusout", () => leave(part), { once: true });
  else part.hidden = true;
}
function readComments() {
  const form = one("[data-read]");
  if (!form || document.hidden || form.dataset.sent) return;
  form.dataset.sent = "1";
  setTimeout(() => {
    if (document.hidden) delete form.dataset.sent;
    else send(form).then(() => { leave(form); one(".tabs .badge")?.remove(); }).catch(() => {});
  }, 1500);
}
readComments();
for (const kind of ["visibilitychange", "htmx:after:swap"]) document.addEventListener(kind, readComments);
document.addEventListener("click", (event) => {
  const form = event.target.matches("[data-unread] .title, [data-unread] .title *") && one("form", event.target.closest("[data-unread]"));
  if (form) send(form).catch(() => {});
});

// A form that was changed asks once before it is left.
let changed = false;
document.addEventListener("input", (event) => { if (event.target.closest("[data-guard]")) changed = true; });
document.addEventListener("submit", () => { changed = false; });
addEventListener("beforeunload", (event) => { if (changed) event.preventDefault(); });
const whole = one("[data-whole]");
if (whole && location.pathname.endsWith("/edit")) whole.select();
showSelection();
document.addEventListener("htmx:after:swap", showSelection);
// The region that says how many links there are is another one than before, so that nobody would hear it.
document.addEventListener("htmx:after:swap", (event) => {
  if (event.detail.ctx.sourceElement.id === "search") announce(one("[data-total], #results .empty h2").textContent);
});
// What a page is for has the focus, and a queue its first case.
if (!touch) { one("[data-first]")?.focus(); if (one("[data-queue]") && !left) move(1); }
