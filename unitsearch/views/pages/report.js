// Starts a report, or the page of one figure: everything that it shows is embedded in it.
(function (u) {
  "use strict";
  function embedded(name) {
    var found = document.getElementById(name);
    return found && JSON.parse(found.textContent);
  }

  var details = embedded("details");
  var open = {}; // chunks that were unpacked, by place

  function unpacked(place) {
    if (!open[place]) {
      var bytes = Uint8Array.from(atob(details.chunks[place]), function (c) { return c.charCodeAt(0); });
      var stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
      open[place] = new Response(stream).json();
    }
    return open[place];
  }

  u.plotConfig = embedded("plot-config");
  u.details = function (id) {
    var number = id.split(":").pop();
    var place = details.where[number];
    if (place === undefined) return Promise.resolve(null);
    return unpacked(place).then(function (chunk) { return chunk[number]; });
  };
  u.choice.load(embedded("columns") || []);
  if (u.offerFilters) u.offerFilters();
  document.querySelectorAll(".plot").forEach(function (div) {
    u.plots.draw(div, embedded(div.dataset.figure));
  });
  if (details && /^#trial-\d+$/.test(location.hash)) {
    var study = document.querySelector("[data-study]");
    u.drawer.open(u.choice.id(study.dataset.study, location.hash.slice(7)));
  }
})(window.unitsearch);
