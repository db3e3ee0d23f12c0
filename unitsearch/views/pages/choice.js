// The trials of the page and which of them are chosen: those that the filters leave and, of these,
// the brushed ones. There is one choice a page; whoever shows trials listens to it.
// A trial's id is "STUDY:NUMBER" everywhere.
window.unitsearch = window.unitsearch || {};
(function (u) {
  "use strict";

  var brushed = null; // {by: the element it was drawn in, ids: Set}
  var filter = null; // a claim about a trial's place in the table
  var shown = null; // Set of ids; null means all
  var listeners = [];
  var table = empty();

  function empty() {
    return { ids: [], states: [], metrics: {}, labels: {}, front: new Set(), place: new Map() };
  }

  // Takes the columns of each study as details.columns writes them.
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
    table.ids.forEach(function (one, i) { table.place.set(one, i); });
    update();
  }

  function id(study, number) {
    var said = String(number);
    return said.indexOf(":") < 0 ? study + ":" + said : said;
  }

  function update() {
    var left = null;
    if (filter) left = new Set(table.ids.filter(function (_, i) { return filter(i); }));
    if (brushed && left) {
      shown = new Set(Array.from(brushed.ids).filter(function (one) { return left.has(one); }));
    } else {
      shown = brushed ? brushed.ids : left;
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
    filter: function (claim) {
      filter = claim;
      update();
    },
  };
})(window.unitsearch);
