// The trials of the page and the chosen ones among them: the trials that pass the filters and, if
// something is brushed, lie in the brush. A page has one choice; each table and figure listens to it.
// A trial's id is "STUDY:NUMBER" everywhere.
window.unitsearch = window.unitsearch || {};
(function (u) {
  "use strict";

  var brushed = null; // {by: the element it was drawn in, ids: Set}
  var filter = null; // a function of a trial's place in the table: whether the trial passes
  var shown = null; // Set of the chosen ids; null means all
  var listeners = [];
  var table = empty();

  function empty() {
    return { ids: [], states: [], metrics: {}, labels: {}, front: new Set(), place: new Map() };
  }

  // Reads the columns of each study, as details.columns writes them.
  function load(parts) {
    table = empty();
    parts.forEach(function (part) {
      part.front.forEach(function (n) { table.front.add(id(part.study, n)); });
      part.number.forEach(function (n) { table.ids.push(id(part.study, n)); });
      table.states = table.states.concat(part.state);
      Object.assign(table.labels, part.labels);
    });
    Object.keys(table.labels).forEach(function (name) {
      table.metrics[name] = [].concat.apply([], parts.map(function (part) {
        return part.metrics[name] || part.number.map(function () { return null; });
      }));
    });
    table.ids.forEach(function (id, i) { table.place.set(id, i); });
    update();
  }

  function id(study, number) {
    var text = String(number);
    return text.indexOf(":") < 0 ? study + ":" + text : text;
  }

  function update() {
    var passing = null;
    if (filter) passing = new Set(table.ids.filter(function (_, i) { return filter(i); }));
    if (brushed && passing) {
      shown = new Set(Array.from(brushed.ids).filter(function (id) { return passing.has(id); }));
    } else {
      shown = brushed ? brushed.ids : passing;
    }
    listeners.forEach(function (listener) { listener(shown); });
  }

  u.choice = {
    id: id,
    load: load,
    table: function () { return table; },
    shown: function () { return shown; },
    by: function () { return brushed ? brushed.by : null; },
    isFiltered: function () { return Boolean(filter); },
    listen: function (listener) { listeners.push(listener); },
    brush: function (by, ids) {
      brushed = ids && ids.size ? { by: by, ids: ids } : null;
      update();
    },
    filter: function (passes) {
      filter = passes;
      update();
    },
  };
})(window.unitsearch);
