// Starts a report, or the page of one figure; the page embeds all its data.
(function (u) {
  "use strict";
  function embedded(name) {
    var element = document.getElementById(name);
    return element && JSON.parse(element.textContent);
  }

  // Returns text that was compressed and written in base64, as a Response.
  function unpacked(text) {
    var bytes = Uint8Array.from(atob(text), function (c) { return c.charCodeAt(0); });
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate")));
  }

  // Runs plotly's script, which the page holds compressed.
  function start() {
    return unpacked(document.getElementById("plotly").textContent).text().then(function (code) {
      var script = document.createElement("script");
      script.textContent = code;
      document.head.appendChild(script);
    });
  }

  var details = embedded("details");
  var open = {}; // unpacked chunks, by their place

  u.plotConfig = embedded("plot-config");
  u.details = function (id) {
    var place = details.where[id];
    if (place === undefined) return Promise.resolve(null);
    open[place] = open[place] || unpacked(details.chunks[place]).json();
    return open[place].then(function (chunk) { return chunk[id]; });
  };
  u.choice.load(embedded("columns") || []);
  if (u.offerFilters) u.offerFilters();
  // Draws figure by figure from the top, so that the page responds in between.
  function drawNext(plots) {
    var div = plots.shift();
    if (!div) return;
    u.plots.draw(div, embedded(div.dataset.figure)).then(function () {
      setTimeout(function () { drawNext(plots); }, 0);
    });
  }

  var plots = Array.from(document.querySelectorAll(".plot"));
  if (plots.length) start().then(function () { drawNext(plots); });
  if (details && /^#trial-\d+$/.test(location.hash)) {
    var study = document.querySelector("[data-study]");
    u.drawer.open(u.choice.id(study.dataset.study, location.hash.slice(7)));
  }
})(window.unitsearch);
