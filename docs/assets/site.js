// What the theme's script makes is named for screen readers, and scrolls by the keyboard too.
function improve() {
  for (const box of document.querySelectorAll(".md-typeset__scrollwrap:not([tabindex])")) {
    box.tabIndex = 0;
  }
  for (const buttons of document.querySelectorAll(".md-code__nav:not([role])")) {
    buttons.setAttribute("role", "none");
  }
  for (const list of document.querySelectorAll(".md-nav__item--nested > nav[aria-labelledby]")) {
    list.setAttribute("aria-label", list.parentElement.querySelector(".md-ellipsis").textContent.trim());
    list.removeAttribute("aria-labelledby");
  }
}

document.addEventListener("DOMContentLoaded", () => {
  document.querySelector(".md-search").setAttribute("aria-label", "Search");
  improve();
  new MutationObserver(improve).observe(document.body, { childList: true, subtree: true });
});
