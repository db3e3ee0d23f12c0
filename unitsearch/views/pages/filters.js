// The row of filters, and the chip that shows the number of chosen trials and clears the choice.
(function (u) {
  "use strict";
  var form = document.getElementById("filters");
  var chip = document.getElementById("chip");
  if (!form || !chip) return;
  var fields = form.elements;
  var POWERS = { k: 1e3, m: 1e6, g: 1e9, t: 1e12 };

  // Reads "12k", "1.5 M" and "1,200"; returns null for an empty text and NaN for one that is no number.
  function number(text) {
    var digits = text.trim().toLowerCase().replace(/[, ]/g, "");
    if (!digits) return null;
    var power = POWERS[digits.slice(-1)];
    var value = Number(power ? digits.slice(0, -1) : digits);
    return power ? value * power : value;
  }

  function read() {
    var table = u.choice.table();
    var state = fields.state.value;
    var bounds = [
      ["accuracy", number(fields.accuracy.value), null],
      [fields.metric.value, number(fields.low.value), number(fields.high.value)],
    ].filter(function (bound) { return bound[1] !== null || bound[2] !== null; });
    ["accuracy", "low", "high"].forEach(function (name) {
      fields[name].setAttribute("aria-invalid", isNaN(number(fields[name].value) || 0));
    });
    if (!state && !bounds.length) return u.choice.filter(null);
    u.choice.filter(function (i) {
      if (state === "front" ? !table.front.has(table.ids[i]) : state && table.states[i] !== state) {
        return false;
      }
      return bounds.every(function (bound) {
        var value = table.metrics[bound[0]] ? table.metrics[bound[0]][i] : null;
        if (value === null) return false;
        return !(bound[1] !== null && value < bound[1]) && !(bound[2] !== null && value > bound[2]);
      });
    });
  }

  // Offers the metrics that the trials have; the selected metric stays selected.
  u.offerFilters = function () {
    var labels = u.choice.table().labels;
    var names = Object.keys(labels).filter(function (name) { return name !== "accuracy"; });
    if (names.join() === Array.from(fields.metric.options, function (o) { return o.value; }).join()) {
      return;
    }
    var before = fields.metric.value;
    fields.metric.replaceChildren.apply(fields.metric, names.map(function (name) {
      return new Option(labels[name], name, false, name === before);
    }));
  };

  function clear() {
    form.reset();
    u.choice.filter(null);
    u.choice.brush(null, null);
  }

  form.addEventListener("input", function (event) {
    if (event.target.name !== "number") read();
  });
  form.addEventListener("submit", function (event) {
    event.preventDefault();
    var text = fields.number.value.trim().replace(/^#/, "");
    var trial = u.choice.table().ids.find(function (id) {
      return id === text || id.split(":").pop() === text;
    });
    fields.number.setAttribute("aria-invalid", text !== "" && !trial);
    if (trial) u.drawer.open(trial);
  });
  // Enter does not submit a form of several fields that has no button.
  fields.number.addEventListener("keydown", function (event) {
    if (event.key === "Enter") form.requestSubmit();
  });
  chip.querySelector("button").addEventListener("click", clear);
  document.addEventListener("keydown", function (event) {
    if (event.key === "Escape" && !u.drawer.isOpen()) clear();
  });
  u.choice.listen(function (shown) {
    var all = u.choice.table().ids.length;
    var text = shown ? shown.size.toLocaleString("en") + " of " + all.toLocaleString("en") +
      " selected" : "";
    chip.hidden = !shown;
    if (chip.firstChild.textContent !== text) chip.firstChild.textContent = text;
  });
  u.clearChoice = clear;
})(window.unitsearch);
