// Sets the theme before the first paint, so that a dark room stays dark. A file of its own, since the page allows no inline script.
(() => {
  let mode = null;
  try {
    mode = localStorage.getItem("trackway.theme");
  } catch {
    // Storage is blocked: follow the system.
  }
  const dark = mode === "dark" || (mode !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  document.documentElement.style.background = dark ? "#0e1416" : "#f1f4f4";
})();
