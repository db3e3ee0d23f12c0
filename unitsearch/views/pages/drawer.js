// The drawer: the details of one trial beside the page. Text from files only becomes text nodes; the
// drawings are our own SVG. u.details(id) returns a promise of the details, or of null without any.
(function (u) {
  "use strict";
  var drawer = document.getElementById("drawer");
  if (!drawer) return;
  var title = document.getElementById("drawer-title");
  var body = document.getElementById("drawer-body");
  var before = null; // the element that had the focus before the drawer opened
  var current = null; // the id of the trial that is open

  function element(tag, text, name) {
    var made = document.createElement(tag);
    if (text) made.textContent = text;
    if (name) made.className = name;
    return made;
  }

  function button(text, act) {
    var made = element("button", text, "small");
    made.type = "button";
    made.addEventListener("click", function () { act(made); });
    return made;
  }

  function open(id) {
    if (u.choice.table().place.get(id) === undefined) return;
    if (drawer.hidden) before = document.activeElement;
    current = id;
    mark(id);
    title.textContent = "Trial " + id.split(":").pop();
    drawer.hidden = false;
    document.documentElement.classList.add("with-drawer");
    title.focus({ preventScroll: true });
    return u.details(id).then(
      function (entry) { if (current === id) fill(id, entry); },
      function (error) {
        if (current === id) body.replaceChildren(element("p", String(error.message || error), "note"));
      }
    );
  }

  function fill(id, entry) {
    var study = id.slice(0, id.lastIndexOf(":"));
    var several = u.choice.table().ids.some(function (other) {
      return !other.startsWith(study + ":");
    });
    var parts = [];
    if (!entry) {
      parts.push(numbers(fromTable(id)), element("p", "This page holds the files of the front and " +
        "of the most accurate trials only; the study's store has this one.", "note"));
      body.replaceChildren.apply(body, parts);
      return;
    }
    title.textContent = entry.title + (several ? " · " + study : "");
    var picture = element("div", "", "picture");
    picture.innerHTML = entry.drawing;
    parts.push(picture, numbers(entry.numbers));
    if (entry.curve && entry.curve.length > 1) parts.push(curve(entry.curve));
    parts.push.apply(parts, file(entry));
    body.replaceChildren.apply(body, parts);
    drawer.scrollTop = 0;
  }

  function fromTable(id) {
    var table = u.choice.table();
    var i = table.place.get(id);
    var lines = Object.keys(table.labels).map(function (name) {
      var value = table.metrics[name][i];
      return [table.labels[name], value === null ? "" : value.toLocaleString("en")];
    });
    var state = table.states[i];
    lines.push(["state", state === "stopped" ? "stopped early" : state]);
    return lines.filter(function (line) { return line[1]; });
  }

  function numbers(lines) {
    var list = element("dl", "", "numbers");
    lines.forEach(function (line) {
      var made = element("div");
      made.append(element("dt", line[0]), element("dd", line[1]));
      if (line[1].length > 28) made.className = "long";
      list.appendChild(made);
    });
    return list;
  }

  function file(entry) {
    var head = element("div", "", "file-head");
    var acts = element("span", "", "acts");
    var text = pre(entry.yaml);
    acts.append(copier(entry.yaml, text), button("Download", function () {
      save(entry.file, entry.yaml);
    }));
    if (entry.weights) {
      var link = element("a", "Weights", "small");
      link.href = entry.weights;
      link.setAttribute("download", "");
      acts.append(link);
    }
    head.append(element("h3", "Architecture"), acts);
    var again = element("div", "", "file-head");
    var command = pre(entry.retrain);
    again.append(element("h3", "Train it at length"), copier(entry.retrain, command));
    return [again, command, head, text];
  }

  function pre(text) {
    var made = element("pre");
    made.tabIndex = 0;
    made.appendChild(element("code", text));
    return made;
  }

  // A button that copies ``text``, which ``shown`` shows.
  function copier(text, shown) {
    return button("Copy", function (made) {
      toClipboard(text, shown).then(function (done) {
        made.textContent = done ? "Copied" : "Selected: press Ctrl+C";
        setTimeout(function () { made.textContent = "Copy"; }, 2000);
      });
    });
  }

  function toClipboard(text, shown) {
    function bySelection() {
      window.getSelection().selectAllChildren(shown);
      return document.execCommand("copy");
    }
    if (!navigator.clipboard) return Promise.resolve(bySelection());
    return navigator.clipboard.writeText(text).then(function () { return true; }, bySelection);
  }

  function save(name, text) {
    var link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/yaml" }));
    link.download = name;
    link.click();
    setTimeout(function () { URL.revokeObjectURL(link.href); }, 10000);
  }

  function curve(values) {
    var space = "http://www.w3.org/2000/svg";
    var low = Math.min.apply(null, values), high = Math.max.apply(null, values);
    var points = values.map(function (value, i) {
      var y = high > low ? (value - low) / (high - low) : 0.5;
      return (4 + (312 * i) / (values.length - 1)).toFixed(1) + "," + (52 - 46 * y).toFixed(1);
    });
    var svg = document.createElementNS(space, "svg");
    svg.setAttribute("viewBox", "0 0 320 56");
    svg.setAttribute("class", "curve");
    svg.setAttribute("role", "img");
    var line = document.createElementNS(space, "polyline");
    line.setAttribute("points", points.join(" "));
    svg.appendChild(line);
    var caption = "validation accuracy over " + values.length + " epochs, from " +
      (100 * values[0]).toFixed(1) + " % to " + (100 * values[values.length - 1]).toFixed(1) + " %";
    svg.setAttribute("aria-label", caption);
    var made = element("figure", "", "curve-box");
    made.append(svg, element("figcaption", caption));
    return made;
  }

  // Marks the open trial in tables and figures.
  function mark(id) {
    document.querySelectorAll("tr[data-trial]").forEach(function (row) {
      row.classList.toggle("chosen", u.tables.idOf(row) === id);
    });
    if (u.plots) u.plots.ring(id);
  }

  function close() {
    if (drawer.hidden) return;
    drawer.hidden = true;
    current = null;
    document.documentElement.classList.remove("with-drawer");
    mark(null);
    if (before && before.isConnected) before.focus({ preventScroll: true });
  }

  // Opens the next trial, or the one before, among the chosen trials in order of their numbers.
  function step(by) {
    var shown = u.choice.shown();
    var ids = u.choice.table().ids.filter(function (id) { return !shown || shown.has(id); });
    var place = ids.indexOf(current);
    if (place < 0) place = by > 0 ? -1 : 0;
    if (ids.length) open(ids[(place + by + ids.length) % ids.length]);
  }

  document.addEventListener("keydown", function (event) {
    if (event.key === "Escape" && !drawer.hidden) {
      event.stopImmediatePropagation(); // the next Escape clears the choice
      close();
    }
  });
  document.getElementById("drawer-close").addEventListener("click", close);
  document.getElementById("drawer-previous").addEventListener("click", function () { step(-1); });
  document.getElementById("drawer-next").addEventListener("click", function () { step(1); });
  u.drawer = {
    open: open,
    isOpen: function () { return !drawer.hidden; },
    current: function () { return current; },
    refresh: function () { if (current) mark(current); },
  };
})(window.unitsearch);
