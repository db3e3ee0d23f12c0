// Sorts tables and opens the details of a trial. Text from files only ever becomes text nodes; the
// drawings are our own SVG.
(function () {
  "use strict";

  document.querySelectorAll("button.sort").forEach(function (button) {
    button.addEventListener("click", function () { sortBy(button.closest("th")); });
  });

  function sortBy(head) {
    var column = head.cellIndex;
    var down = head.getAttribute("aria-sort") !== "descending";
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

  var source = document.getElementById("details");
  if (!source) return;
  var known = JSON.parse(source.textContent);
  var drawer = document.getElementById("drawer");
  var title = document.getElementById("drawer-title");
  var body = document.getElementById("drawer-body");
  var before = null;

  var LABELS = [
    ["accuracy", "accuracy (validation)"], ["images", "validation images"],
    ["test", "test accuracy"], ["params", "parameters"], ["macs", "MACs"],
    ["macs_shared", "MACs, shared filters once"],
    ["flops", "FLOPs (papers' convention)"], ["ce", "CE"], ["se", "SE"],
    ["bits", "stored bits"], ["se_bits", "SE in bits"],
    ["seconds", "training took"], ["seed", "seed"], ["key", "key"], ["state", "state"],
    ["reason", "reason"],
  ];

  function element(tag, text, name) {
    var made = document.createElement(tag);
    if (text) made.textContent = text;
    if (name) made.className = name;
    return made;
  }

  function open(number) {
    var trial = known.trials[number];
    if (!trial) return;
    var more = known.more[number] || {};
    if (drawer.hidden) before = document.activeElement;
    var said = number === "0" ? " · baseline" : "";
    title.textContent = "Trial " + number + said + (trial.front ? " · on the front" : "");
    body.replaceChildren();
    var picture = element("div", "", "picture");
    var shown = document.querySelector('tr[data-trial="' + number + '"] svg.drawing');
    if (shown) picture.appendChild(shown.cloneNode(true));
    else if (more.drawing) picture.innerHTML = more.drawing;
    if (picture.firstChild) body.appendChild(picture);
    var list = element("dl", "", "numbers");
    LABELS.forEach(function (label) {
      if (trial[label[0]] === undefined) return;
      var line = element("div");
      line.append(element("dt", label[1]), element("dd", trial[label[0]]));
      list.appendChild(line);
    });
    body.appendChild(list);
    if (more.curve && more.curve.length > 1) body.appendChild(curve(more.curve));
    if (more.yaml) file(number, trial, more.yaml);
    else {
      body.appendChild(element("p", "This page holds the files of the front and of the most " +
        "accurate trials only; the study's store has this one.", "note"));
    }
    document.querySelectorAll("tr.chosen").forEach(function (row) {
      row.classList.remove("chosen");
    });
    var row = document.querySelector('tr[data-trial="' + number + '"]');
    if (row) row.classList.add("chosen");
    drawer.hidden = false;
    drawer.scrollTop = 0;
    title.focus({ preventScroll: true });
  }

  function file(number, trial, yaml) {
    var name = "front/" + number.padStart(5, "0") + ".yaml";
    var head = element("div", "", "file-head");
    var copy = element("button", "Copy", "copy");
    var where = element("h3", "Architecture");
    // the file itself says more: classes, normalisation, provenance
    if (trial.front) where.appendChild(element("small", "  as in " + name));
    head.append(where, copy);
    var text = element("pre");
    text.tabIndex = 0;
    text.appendChild(element("code", yaml));
    copy.type = "button";
    copy.addEventListener("click", function () {
      toClipboard(yaml, text).then(function (done) {
        copy.textContent = done ? "Copied" : "Selected: press Ctrl+C";
        setTimeout(function () { copy.textContent = "Copy"; }, 2000);
      });
    });
    body.append(head, text);
  }

  function toClipboard(yaml, text) {
    function bySelection() {
      window.getSelection().selectAllChildren(text);
      return document.execCommand("copy");
    }
    if (!navigator.clipboard) return Promise.resolve(bySelection());
    return navigator.clipboard.writeText(yaml).then(function () { return true; }, bySelection);
  }

  function curve(values) {
    var space = "http://www.w3.org/2000/svg";
    var low = Math.min.apply(null, values), high = Math.max.apply(null, values);
    var at = values.map(function (value, i) {
      var y = high > low ? (value - low) / (high - low) : 0.5;
      return (4 + (312 * i) / (values.length - 1)).toFixed(1) + "," + (52 - 46 * y).toFixed(1);
    });
    var svg = document.createElementNS(space, "svg");
    svg.setAttribute("viewBox", "0 0 320 56");
    svg.setAttribute("class", "curve");
    svg.setAttribute("role", "img");
    var line = document.createElementNS(space, "polyline");
    line.setAttribute("points", at.join(" "));
    svg.appendChild(line);
    var said = "validation accuracy over " + values.length + " epochs, from " +
      (100 * values[0]).toFixed(1) + " % to " + (100 * values[values.length - 1]).toFixed(1) + " %";
    svg.setAttribute("aria-label", said);
    var made = element("figure", "", "curve-box");
    made.append(svg, element("figcaption", said));
    return made;
  }

  function close() {
    if (drawer.hidden) return;
    drawer.hidden = true;
    if (before && before.isConnected) before.focus({ preventScroll: true });
  }

  document.addEventListener("trial", function (event) { open(event.detail); });
  document.addEventListener("click", function (event) {
    var row = event.target.closest("button.open, tbody tr[data-trial]");
    if (row && window.getSelection().isCollapsed) open(row.dataset.trial);
  });
  document.addEventListener("keydown", function (event) {
    if (event.key === "Escape") close();
  });
  document.getElementById("drawer-close").addEventListener("click", close);
  if (/^#trial-\d+$/.test(location.hash)) open(location.hash.slice(7));
})();
