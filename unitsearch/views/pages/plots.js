// Draws every figure of the page from the JSON beside it.
(function () {
  "use strict";
  var config = JSON.parse(document.getElementById("plot-config").textContent);
  var touch = window.matchMedia("(pointer: coarse)").matches;
  document.querySelectorAll(".plot").forEach(function (div) {
    var figure = JSON.parse(document.getElementById(div.dataset.figure).textContent);
    if (touch) figure.layout.dragmode = false; // a finger scrolls the page
    Plotly.newPlot(div, figure.data, figure.layout, config).then(function () {
      div.on("plotly_click", function (event) {
        var point = event.points.find(function (p) { return p.customdata !== undefined; });
        if (!point) return;
        var found = new CustomEvent("trial", { detail: String(point.customdata) });
        document.dispatchEvent(found);
      });
    });
  });
  window.addEventListener("beforeprint", function () {
    document.querySelectorAll(".plot").forEach(function (div) { Plotly.Plots.resize(div); });
  });
})();
