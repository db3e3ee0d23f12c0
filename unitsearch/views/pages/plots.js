// Draws figures and links them: what is brushed in one is dimmed or not in all. A point belongs to
// the trial that its customdata names.
(function (u) {
  "use strict";
  var touch = window.matchMedia("(pointer: coarse)").matches;
  var plots = new Map(); // element -> what is known of its figure
  var ringed = null; // the trial that is open
  var FAINT = 0.12;
  var SELECTABLE = ["scatter", "scattergl", "splom", "bar", "box", "violin", "histogram"];
  var ARRAYS = {
    i1: Int8Array, u1: Uint8Array, i2: Int16Array, u2: Uint16Array, i4: Int32Array,
    u4: Uint32Array, f4: Float32Array, f8: Float64Array,
  };

  // Plotly's JSON holds numpy's arrays as base64.
  function decoded(values) {
    if (!values || values.bdata === undefined) return values;
    var bytes = Uint8Array.from(atob(values.bdata), function (c) { return c.charCodeAt(0); });
    return new ARRAYS[values.dtype](bytes.buffer);
  }

  // How a trace shows which of its trials are chosen: {by, ids}; null if it has none.
  function linkOf(trace, study) {
    var data = decoded(trace.customdata);
    if (!data || !data.length) return null;
    var ids = Array.from(data, function (one) {
      return u.choice.id(study, Array.isArray(one) ? one[0] : one);
    });
    if (trace.type === "parcoords") return { by: "lines", ids: ids, line: trace.line || {} };
    if (trace.type === "scatter3d") {
      return { by: "colours", ids: ids, colour: (trace.marker || {}).color };
    }
    if (SELECTABLE.indexOf(trace.type || "scatter") < 0) return null;
    var isLine = /^scatter/.test(trace.type || "scatter") && !/markers/.test(trace.mode || "markers");
    if (!isLine) return { by: "points", ids: ids };
    if (ids.every(function (id) { return id === ids[0]; })) {
      return { by: "opacity", ids: ids.slice(0, 1), opacity: trace.opacity || 1 };
    }
    // several curves with gaps between them, or one curve through many trials
    var several = ids.some(function (id, i) { return i && id === ids[i - 1]; });
    return several ? { by: "curves", ids: ids, y: Array.from(decoded(trace.y)) } : null;
  }

  // Curves that are not chosen leave their trace; this one shows them faintly.
  function ghostOf(trace) {
    return { type: trace.type, mode: "lines", x: trace.x, y: trace.y, line: trace.line,
      legendgroup: trace.legendgroup, connectgaps: false, hoverinfo: "skip", showlegend: false,
      opacity: FAINT, visible: false };
  }

  function byPoints(link) { return link && link.by === "points"; }

  // The buttons that make sense for what is drawn.
  function configOf(figure, links) {
    var buttons = ["zoom2d", "pan2d", "resetScale2d", "toImage"];
    if (figure.data.some(function (trace) { return trace.type === "parcoords"; })) buttons = ["toImage"];
    else if (figure.layout.scene) buttons = ["orbitRotation", "resetCameraDefault3d", "toImage"];
    else if (links.some(byPoints)) buttons = ["select2d", "lasso2d"].concat(buttons);
    return Object.assign({}, u.plotConfig, { modeBarButtons: [buttons] });
  }

  // The attributes that show ``shown`` in a trace; null shows all.
  function looks(link, shown) {
    function chosen(id) { return shown.has(id); }
    if (link.by === "points") {
      if (!shown) return { selectedpoints: null };
      var points = [];
      for (var i = 0; i < link.ids.length; i++) if (shown.has(link.ids[i])) points.push(i);
      return { selectedpoints: points };
    }
    if (link.by === "opacity") {
      return { opacity: !shown || chosen(link.ids[0]) ? link.opacity : FAINT };
    }
    if (link.by === "ghost") return { visible: Boolean(shown) };
    if (link.by === "curves") {
      if (!shown) return { y: link.y };
      return { y: link.y.map(function (y, i) { return chosen(link.ids[i]) ? y : null; }) };
    }
    if (link.by === "colours") {
      var colour = link.colour;
      if (!shown) return { "marker.color": colour };
      return { "marker.color": link.ids.map(function (id, i) {
        return chosen(id) ? (Array.isArray(colour) ? colour[i] : colour) : "rgba(140,150,162,.18)";
      }) };
    }
    var line = link.line;
    var low = line.cmin === undefined ? 0 : line.cmin, high = line.cmax === undefined ? 1 : line.cmax;
    if (!shown) {
      return { "line.color": line.color === undefined ? null : line.color,
        "line.colorscale": line.colorscale || null, "line.cmin": low, "line.cmax": high };
    }
    var floor = low - ((high - low) || 1);
    // below the scale of their own colours lies a faint one, for those that are not chosen
    var values = decoded(line.color);
    var scale = Array.isArray(line.colorscale) ? line.colorscale : [[0, "#1a73b8"], [1, "#1a73b8"]];
    var faint = "rgba(140,150,162,.16)";
    return {
      "line.color": link.ids.map(function (id, i) {
        if (!chosen(id)) return floor;
        return Array.isArray(values) || ArrayBuffer.isView(values) ? values[i] : high;
      }),
      "line.colorscale": [[0, faint], [0.499, faint]].concat(scale.map(function (stop) {
        return [0.5 + stop[0] / 2, stop[1]];
      })),
      "line.cmin": floor,
      "line.cmax": high,
    };
  }

  function dim(plot) {
    var shown = u.choice.shown();
    if (plot.shown === shown) return;
    var own = u.choice.by() === plot.div && !u.choice.isFiltered();
    plot.shown = shown;
    plot.div.classList.toggle("dimmed", Boolean(shown));
    var changes = {};
    var places = [];
    plot.links.forEach(function (link, i) {
      // plotly itself has dimmed the points of the figure that was brushed
      if (link && !(own && link.by === "points")) places.push(i);
    });
    if (!places.length) return;
    places.forEach(function (place, k) {
      var found = looks(plot.links[place], shown);
      Object.keys(found).forEach(function (name) {
        if (!changes[name]) changes[name] = places.map(function () { return undefined; });
        changes[name][k] = found[name];
      });
    });
    plot.busy = true;
    var layout = (plot.div.layout.selections || []).length ? { selections: [] } : {};
    var keep = u.choice.by() === plot.div;
    Plotly.update(plot.div, changes, keep ? {} : layout, places);
    plot.busy = false;
  }

  function brush(plot, event) {
    if (plot.busy) return;
    var ids = new Set();
    ((event && event.points) || []).forEach(function (point) {
      var link = plot.links[point.curveNumber];
      if (link && link.by === "points") ids.add(link.ids[point.pointNumber]);
    });
    u.choice.brush(plot.div, ids);
  }

  // A double click where nothing is brushed shows everything, or again what was shown at first.
  function rescale(plot) {
    var change = {};
    Object.keys(plot.ranges).forEach(function (name) {
      var all = plot.div.layout[name].autorange;
      change[name + ".autorange"] = !all;
      if (all) change[name + ".range"] = plot.ranges[name].slice();
    });
    if (Object.keys(change).length) Plotly.relayout(plot.div, change);
  }

  // What the axes of parallel coordinates leave, as they are brushed.
  function brushLines(plot) {
    if (plot.busy) return;
    var ids = null;
    plot.links.forEach(function (link, k) {
      if (!link || link.by !== "lines") return;
      var axes = plot.div._fullData[k].dimensions.filter(function (axis) {
        return axis.visible !== false && axis.constraintrange;
      });
      if (!axes.length) return;
      ids = new Set(link.ids.filter(function (_, i) {
        return axes.every(function (axis) {
          var ranges = Array.isArray(axis.constraintrange[0]) ? axis.constraintrange
            : [axis.constraintrange];
          return ranges.some(function (r) {
            return axis.values[i] >= r[0] && axis.values[i] <= r[1];
          });
        });
      }));
    });
    if (ids || u.choice.by() === plot.div) u.choice.brush(plot.div, ids);
  }

  function listen(plot) {
    plot.div.on("plotly_click", function (event) {
      var found = event.points.map(function (point) {
        var link = plot.links[point.curveNumber];
        return link && link.ids[link.ids.length === 1 ? 0 : point.pointNumber];
      }).find(Boolean);
      if (found && u.drawer) u.drawer.open(found);
    });
    plot.div.on("plotly_selected", function (event) { brush(plot, event); });
    plot.div.on("plotly_deselect", function () {
      if (u.choice.by() === plot.div) brush(plot, null);
      else if (!plot.busy) rescale(plot);
    });
    plot.div.on("plotly_restyle", function () {
      if (plot.links.some(function (link) { return link && link.by === "lines"; })) brushLines(plot);
    });
    plot.div.on("plotly_afterplot", function () { place(plot); });
  }

  // Draws or redraws a figure; what is chosen, zoomed and switched off stays so.
  function draw(div, figure) {
    var section = div.closest("[data-study]");
    var study = section ? section.dataset.study : "";
    var known = plots.get(div);
    var plot = known || { div: div, ring: null, busy: false };
    var shown = u.choice.shown();
    plot.shown = shown;
    plot.links = figure.data.map(function (trace) { return linkOf(trace, study); });
    plot.links.slice().forEach(function (link, i) {
      if (!link || link.by !== "curves") return;
      figure.data.push(ghostOf(figure.data[i]));
      plot.links.push({ by: "ghost", ids: [] });
    });
    plot.links.forEach(function (link, i) {
      if (!link || (!shown && link.by !== "points")) return;
      var found = looks(link, shown);
      Object.keys(found).forEach(function (name) {
        var keys = name.split(".");
        var at = keys.length > 1 ? (figure.data[i][keys[0]] = figure.data[i][keys[0]] || {})
          : figure.data[i];
        at[keys[keys.length - 1]] = found[name];
      });
    });
    plot.ranges = {};
    Object.keys(figure.layout).forEach(function (name) {
      var range = /^[xy]axis\d*$/.test(name) && figure.layout[name].range;
      if (range) plot.ranges[name] = range.slice();
    });
    figure.layout.uirevision = "kept";
    figure.layout.newselection = { line: { color: "#7b8794", width: 1, dash: "dot" } };
    if (known && div.layout) figure.layout.selections = div.layout.selections;
    if (touch) figure.layout.dragmode = false; // a finger scrolls the page
    else if (u.choice.table().ids.length && plot.links.some(byPoints)) {
      figure.layout.dragmode = (known && div.layout.dragmode) || "select";
    }
    div.classList.toggle("dimmed", Boolean(shown));
    plots.set(div, plot);
    plot.busy = true;
    return Plotly.react(div, figure.data, figure.layout, configOf(figure, plot.links)).then(function () {
      if (!known) listen(plot);
      plot.busy = false;
      place(plot);
    });
  }

  // A ring around the trial that is open, in every figure that shows it as a point.
  function place(plot) {
    var at = ringed && plot.links ? pointOf(plot, ringed) : null;
    if (!at) {
      if (plot.ring) plot.ring.hidden = true;
      return;
    }
    if (!plot.ring) {
      plot.ring = document.createElement("span");
      plot.ring.className = "ring";
      plot.div.appendChild(plot.ring);
    }
    plot.ring.hidden = false;
    plot.ring.style.left = at[0] + "px";
    plot.ring.style.top = at[1] + "px";
  }

  function pointOf(plot, id) {
    var full = plot.div._fullLayout;
    for (var k = 0; k < plot.links.length; k++) {
      var link = plot.links[k];
      var trace = plot.div._fullData && plot.div._fullData[k];
      if (!link || link.by !== "points" || !trace || trace.visible !== true || !trace.xaxis) continue;
      var i = link.ids.indexOf(id);
      if (i < 0) continue;
      var x = full[trace.xaxis.replace("x", "xaxis")], y = full[trace.yaxis.replace("y", "yaxis")];
      var at = [x.d2p(trace.x[i]), y.d2p(trace.y[i])];
      if (at[0] >= 0 && at[0] <= x._length && at[1] >= 0 && at[1] <= y._length) {
        return [x._offset + at[0], y._offset + at[1]];
      }
    }
    return null;
  }

  function isNear(div) {
    var box = div.getBoundingClientRect();
    return box.bottom > -200 && box.top < window.innerHeight + 200;
  }

  // Figures in view follow at once, the others when they are scrolled to or the page is idle.
  var near = new IntersectionObserver(function (entries) {
    entries.forEach(function (entry) {
      var plot = plots.get(entry.target);
      if (entry.isIntersecting && plot) dim(plot);
    });
  }, { rootMargin: "200px" });
  var turn = 0;

  u.choice.listen(function () {
    var waiting = [];
    plots.forEach(function (plot) {
      if (isNear(plot.div)) dim(plot);
      else waiting.push(plot);
    });
    var mine = ++turn;
    (function next() {
      if (mine !== turn || !waiting.length) return;
      var plot = waiting.shift();
      window.setTimeout(function () {
        if (mine !== turn) return;
        if (plots.has(plot.div)) dim(plot);
        next();
      }, 60);
    })();
  });

  window.addEventListener("beforeprint", function () {
    plots.forEach(function (plot) { Plotly.Plots.resize(plot.div); });
  });

  u.plots = {
    draw: function (div, figure) {
      near.observe(div);
      return draw(div, figure);
    },
    drop: function () {
      plots.forEach(function (plot) {
        near.unobserve(plot.div);
        Plotly.purge(plot.div);
      });
      plots.clear();
    },
    ring: function (id) {
      ringed = id;
      plots.forEach(place);
    },
  };
})(window.unitsearch);
