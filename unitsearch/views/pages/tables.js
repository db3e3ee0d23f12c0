// Tables: sorts them by a click on a heading, opens trials from rows, and dims rows not chosen.
(function (u) {
  "use strict";

  function idOf(element) {
    var section = element.closest("[data-study]");
    return u.choice.id(section ? section.dataset.study : "", element.dataset.trial);
  }

  function sortBy(head, down) {
    var column = head.cellIndex;
    var body = head.closest("table").tBodies[0];
    head.parentNode.querySelectorAll("[aria-sort]").forEach(function (other) {
      other.setAttribute("aria-sort", "none");
    });
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    Array.from(body.rows)
      .map(function (row) { return { row: row, value: valueOf(row.cells[column]) }; })
      .sort(function (a, b) { return compare(a.value, b.value) * (down ? -1 : 1); })
      .forEach(function (item) { body.appendChild(item.row); });
  }

  function valueOf(cell) {
    if (cell.dataset.v === undefined) return cell.textContent.trim();
    return cell.dataset.v === "" ? -Infinity : Number(cell.dataset.v);
  }

  function compare(a, b) {
    if (typeof a === "string") return a.localeCompare(b);
    return a === b ? 0 : a < b ? -1 : 1;
  }

  function dim(shown) {
    document.querySelectorAll("tr[data-trial]").forEach(function (row) {
      row.classList.toggle("dim", Boolean(shown) && !shown.has(idOf(row)));
    });
  }

  // Changes an element into another one; equal parts stay, so the browser does not lay them out again.
  function morph(old, now) {
    if (old.isEqualNode(now)) return;
    if (old.nodeType !== 1 || old.nodeName !== now.nodeName || old.tagName === "svg") {
      old.replaceWith(now);
      return;
    }
    Array.from(old.attributes).forEach(function (attribute) {
      if (!now.hasAttribute(attribute.name)) old.removeAttribute(attribute.name);
    });
    Array.from(now.attributes).forEach(function (attribute) {
      var name = attribute.name, value = attribute.value;
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    });
    morphChildren(old, now);
  }

  function morphChildren(old, now) {
    var before = Array.from(old.childNodes), after = Array.from(now.childNodes);
    after.forEach(function (child, i) {
      if (before[i]) morph(before[i], child);
      else old.appendChild(child);
    });
    before.slice(after.length).forEach(function (child) { child.remove(); });
  }

  // Replaces a table by new HTML; its sorting and the keyboard focus stay.
  function replace(place, html) {
    var head = place.querySelector("th[aria-sort='ascending'], th[aria-sort='descending']");
    var sorted = head && [head.cellIndex, head.getAttribute("aria-sort") === "descending"];
    var focused = place.contains(document.activeElement) && document.activeElement.dataset.trial;
    var made = document.createElement("template");
    made.innerHTML = html;
    morphChildren(place, made.content);
    var again = sorted && place.querySelector("thead") &&
      place.querySelector("thead").rows[0].cells[sorted[0]];
    if (again) sortBy(again, sorted[1]);
    if (focused) {
      var button = Array.from(place.querySelectorAll("button.open")).find(function (other) {
        return other.dataset.trial === focused;
      });
      if (button) button.focus({ preventScroll: true });
    }
    dim(u.choice.shown());
  }

  document.addEventListener("click", function (event) {
    var sort = event.target.closest("button.sort");
    if (sort) {
      var head = sort.closest("th");
      sortBy(head, head.getAttribute("aria-sort") !== "descending");
      return;
    }
    var row = event.target.closest("button.open, tbody tr[data-trial]");
    if (row && u.drawer && window.getSelection().isCollapsed) u.drawer.open(idOf(row));
  });

  if (u.choice) u.choice.listen(dim);
  u.tables = { replace: replace, idOf: idOf };
})((window.unitsearch = window.unitsearch || {}));
