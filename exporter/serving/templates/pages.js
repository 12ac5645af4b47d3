"use strict";
// Avoids page loads on the overview: fetches the same pages, and replaces the parts on display.
(() => {
  const form = document.getElementById("find");
  const live = document.getElementById("live");
  let latest = 0;
  let typing = 0;

  async function show(search, { remember = true, renewal = false } = {}) {
    const number = ++latest;
    let fresh;
    try {
      const response = await fetch(location.pathname + search, { headers: { Accept: "text/html" } });
      if (!response.ok) throw new Error(response.statusText);
      fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    } catch {
      if (number === latest && !renewal) location.search = search;
      return;
    }
    if (number !== latest) return;
    const focused = document.activeElement.id;
    const open = document.getElementById("health-details").open;
    for (const part of document.querySelectorAll("[data-live]")) {
      part.replaceWith(fresh.getElementById(part.id));
    }
    document.getElementById("health-details").open = open;
    form.querySelectorAll("input[type=hidden]").forEach((input) => input.remove());
    form.append(...fresh.querySelectorAll("#find input[type=hidden]"));
    const count = fresh.getElementById("count").textContent;
    if (count !== document.getElementById("count").textContent) document.getElementById("count").textContent = count;
    if (document.activeElement.id !== focused) document.getElementById(focused)?.focus({ preventScroll: true });
    if (remember && search !== location.search) history.pushState(null, "", search || location.pathname);
  }

  function find() {
    clearTimeout(typing);
    const fields = [...new FormData(form)].filter(([, value]) => value.trim());
    show(`?${new URLSearchParams(fields)}`);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    find();
  });
  form.q.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(find, 200);
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-list]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    const search = new URL(link.href).search;
    form.q.value = new URLSearchParams(search).get("q") ?? "";
    show(search);
  });
  addEventListener("popstate", () => {
    form.q.value = new URLSearchParams(location.search).get("q") ?? "";
    show(location.search, { remember: false });
  });
  live.closest("label").hidden = false;
  setInterval(() => {
    if (live.checked && !document.hidden) show(location.search, { remember: false, renewal: true });
  }, 30000);
})();
