// Links: the ways in which the traces of a figure show the chosen trials. A mark belongs to the trial
// that its customdata names. Points change at once, by a class of their SVG elements; curves, parallel
// coordinates and figures of three axes change later, because plotly must draw them anew.
(function (u) {
  "use strict";
  var FAINT = 0.12;
  var GREY = "rgba(140,150,162,.16)";

  function idsOf(trace, study) {
    var data = u.clouds.decoded(trace.customdata);
    if (!data || !data.length) return null;
    return Array.from(data, function (number) {
      return u.choice.id(study, Array.isArray(number) ? number[0] : number);
    });
  }

  // Returns the link of a trace: {by, ids}; null if the trace shows no trials.
  function linkOf(trace, study) {
    var ids = idsOf(trace, study);
    if (!ids) return null;
    if (trace.type === "parcoords") return { by: "lines", ids: ids, line: trace.line || {} };
    if (trace.type === "scatter3d") {
      return { by: "colours", ids: ids, colour: (trace.marker || {}).color };
    }
    if (trace.type && trace.type !== "scatter") return null;
    if (/markers/.test(trace.mode || "markers")) return { by: "points", ids: ids };
    if (ids.every(function (id) { return id === ids[0]; })) {
      return { by: "opacity", ids: ids.slice(0, 1), opacity: trace.opacity || 1 };
    }
    // Several curves with gaps between are linked; one curve through many trials is not.
    var several = ids.some(function (id, i) { return i && id === ids[i - 1]; });
    return several ? { by: "curves", ids: ids, y: Array.from(u.clouds.decoded(trace.y)) } : null;
  }

  // Returns a trace that shows the curves faintly which are not chosen and so leave their own trace.
  function ghostOf(trace) {
    return { type: trace.type, mode: "lines", x: trace.x, y: trace.y, line: trace.line,
      legendgroup: trace.legendgroup, connectgaps: false, hoverinfo: "skip", showlegend: false,
      opacity: FAINT, visible: false };
  }

  // Links all traces of a figure; ghosts are added to it.
  function linksOf(figure, study) {
    var links = figure.data.map(function (trace) { return linkOf(trace, study); });
    links.slice().forEach(function (link, i) {
      if (link && link.by === "points") {
        // plotly dims the points outside a brush itself: this undoes it, because we dim them
        figure.data[i].unselected = { marker: { opacity: opacityOf(figure.data[i]) } };
      }
      if (!link || link.by !== "curves") return;
      figure.data.push(ghostOf(figure.data[i]));
      links.push({ by: "ghost", ids: [] });
    });
    return links;
  }

  function opacityOf(trace) {
    var opacity = (trace.marker || {}).opacity;
    return typeof opacity === "number" ? opacity : 1;
  }

  // Returns the attributes by which a trace shows the trials in ``shown``; null shows all.
  function looks(link, shown) {
    function chosen(id) { return shown.has(id); }
    if (link.by === "ghost") return { visible: Boolean(shown) };
    if (link.by === "opacity") {
      return { opacity: !shown || chosen(link.ids[0]) ? link.opacity : FAINT };
    }
    if (link.by === "curves") {
      if (!shown) return { y: link.y };
      return { y: link.y.map(function (y, i) { return chosen(link.ids[i]) ? y : null; }) };
    }
    if (link.by === "colours") {
      var colour = link.colour;
      if (!shown) return { "marker.color": colour };
      return { "marker.color": link.ids.map(function (id, i) {
        return chosen(id) ? (Array.isArray(colour) ? colour[i] : colour) : GREY;
      }) };
    }
    return lines(link, shown);
  }

  // The same for parallel coordinates: a faint colour, below the colours of their own scale, shows the
  // lines that are not chosen.
  function lines(link, shown) {
    var line = link.line;
    var low = line.cmin === undefined ? 0 : line.cmin, high = line.cmax === undefined ? 1 : line.cmax;
    if (!shown) {
      return { "line.color": line.color === undefined ? null : line.color,
        "line.colorscale": line.colorscale || null, "line.cmin": low, "line.cmax": high };
    }
    var floor = low - ((high - low) || 1);
    var values = u.clouds.decoded(line.color);
    var isList = Array.isArray(values) || ArrayBuffer.isView(values);
    var scale = Array.isArray(line.colorscale) ? line.colorscale : [[0, "#1a73b8"], [1, "#1a73b8"]];
    return {
      "line.color": link.ids.map(function (id, i) {
        return shown.has(id) ? (isList ? values[i] : high) : floor;
      }),
      "line.colorscale": [[0, GREY], [0.499, GREY]].concat(scale.map(function (stop) {
        return [0.5 + stop[0] / 2, stop[1]];
      })),
      "line.cmin": floor,
      "line.cmax": high,
    };
  }

  // Dims the points of a plot and their error bars: a few milliseconds.
  function dimPoints(plot, shown) {
    plot.div.classList.toggle("dimmed", Boolean(shown));
    plot.div.querySelectorAll(".scatterlayer .trace").forEach(function (group) {
      var data = group.__data__ && group.__data__[0]; // d3's, of the first point
      var link = data && data.trace && plot.links[data.trace.index];
      if (!link || link.by !== "points") return;
      group.querySelectorAll(".point, .errorbar").forEach(function (mark) {
        var out = Boolean(shown) && !shown.has(link.ids[mark.__data__.i]);
        mark.classList.toggle("out", out);
      });
    });
  }

  function isSlow(link) { return link && link.by !== "points"; }

  // Makes plotly draw the other links of a plot anew.
  function dimRest(plot, shown) {
    var changes = {}, places = [];
    plot.links.forEach(function (link, i) { if (isSlow(link)) places.push(i); });
    if (!places.length || !plot.div._fullLayout) return;
    places.forEach(function (place, k) {
      var attributes = looks(plot.links[place], shown);
      Object.keys(attributes).forEach(function (name) {
        if (!changes[name]) changes[name] = places.map(function () { return undefined; });
        changes[name][k] = attributes[name];
      });
    });
    plot.busy = true;
    Plotly.restyle(plot.div, changes, places);
    plot.busy = false;
  }

  // Writes the chosen trials of slow links into a figure that is about to be drawn.
  function prepare(figure, links, shown) {
    if (!shown) return;
    links.forEach(function (link, i) {
      if (!isSlow(link)) return;
      var attributes = looks(link, shown);
      Object.keys(attributes).forEach(function (name) {
        var keys = name.split("."), target = figure.data[i];
        if (keys.length > 1) target = target[keys[0]] = Object.assign({}, target[keys[0]]);
        target[keys[keys.length - 1]] = attributes[name];
      });
    });
  }

  u.links = { idsOf: idsOf, linksOf: linksOf, dimPoints: dimPoints, dimRest: dimRest,
    prepare: prepare, isSlow: isSlow };
})(window.unitsearch);
