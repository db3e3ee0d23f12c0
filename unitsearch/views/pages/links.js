// How the traces of a figure show which trials are chosen. A mark belongs to the trial that its
// customdata names. Points change in a moment, by a class of their SVG; what plotly must draw anew
// (curves, parallel coordinates, three axes) takes longer and comes after.
(function (u) {
  "use strict";
  var FAINT = 0.12;
  var GREY = "rgba(140,150,162,.16)";

  function idsOf(trace, study) {
    var data = u.clouds.decoded(trace.customdata);
    if (!data || !data.length) return null;
    return Array.from(data, function (one) {
      return u.choice.id(study, Array.isArray(one) ? one[0] : one);
    });
  }

  // How a trace is linked: {by, ids}; null if it has no trials.
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
    // several curves with gaps between them, or one curve through many trials
    var several = ids.some(function (id, i) { return i && id === ids[i - 1]; });
    return several ? { by: "curves", ids: ids, y: Array.from(u.clouds.decoded(trace.y)) } : null;
  }

  // Curves that are not chosen leave their trace; this one shows them faintly.
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
        // plotly's own way to dim what a brush leaves out would stay behind ours
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

  // The attributes by which plotly shows ``shown`` in a trace; null shows all.
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

  // Parallel coordinates: below the scale of their own colours lies a faint one for the others.
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

  // Has plotly draw anew what else a plot links.
  function dimRest(plot, shown) {
    var changes = {}, places = [];
    plot.links.forEach(function (link, i) { if (isSlow(link)) places.push(i); });
    if (!places.length || !plot.div._fullLayout) return;
    places.forEach(function (place, k) {
      var found = looks(plot.links[place], shown);
      Object.keys(found).forEach(function (name) {
        if (!changes[name]) changes[name] = places.map(function () { return undefined; });
        changes[name][k] = found[name];
      });
    });
    plot.busy = true;
    Plotly.restyle(plot.div, changes, places);
    plot.busy = false;
  }

  // Writes into a figure that is about to be drawn what its slow links show.
  function prepare(figure, links, shown) {
    if (!shown) return;
    links.forEach(function (link, i) {
      if (!isSlow(link)) return;
      var found = looks(link, shown);
      Object.keys(found).forEach(function (name) {
        var keys = name.split("."), at = figure.data[i];
        if (keys.length > 1) at = at[keys[0]] = Object.assign({}, at[keys[0]]);
        at[keys[keys.length - 1]] = found[name];
      });
    });
  }

  u.links = { idsOf: idsOf, linksOf: linksOf, dimPoints: dimPoints, dimRest: dimRest,
    prepare: prepare, isSlow: isSlow };
})(window.unitsearch);
