// Draws figures and links them: a brush in one figure dims the other trials in all figures.
(function (u) {
  "use strict";
  var touch = window.matchMedia("(pointer: coarse)").matches;
  var POSTPONED = 30000; // the most milliseconds that a drawing waits
  var SLACK = 0.05; // share of an axis by which new points may lie beyond it until a drawing is due
  var plots = new Map(); // element -> plot, the state of its figure
  var ringed = null; // the trial that is open

  function byPoints(link) { return link && link.by === "points"; }
  function byLines(link) { return link && link.by === "lines"; }

  // Returns plotly's configuration with the buttons that fit the figure.
  function configOf(figure, plot) {
    var buttons = ["zoom2d", "pan2d", "resetScale2d", plot.clouds.length ? picture(plot) : "toImage"];
    if (plot.links.some(byLines)) buttons = ["toImage"];
    else if (figure.layout.scene) buttons = ["orbitRotation", "resetCameraDefault3d", "toImage"];
    else if (isBrushed(plot)) buttons = ["select2d", "lasso2d"].concat(buttons);
    return Object.assign({}, u.plotConfig, { modeBarButtons: [buttons] });
  }

  function isBrushed(plot) { return plot.clouds.length || plot.links.some(byPoints); }

  // Returns a button that saves a figure with its clouds, which plotly's own button would leave out.
  function picture(plot) {
    return { name: "picture", title: "Download plot as SVG", icon: Plotly.Icons.camera,
      click: function () {
        Plotly.downloadImage({ data: plot.source, layout: plot.div.layout }, { format: "svg" });
      } };
  }

  // Removes the outline of a brush, and the marks of a brush along parallel axes.
  function unframe(plot) {
    if (((plot.div.layout || {}).selections || []).length) {
      plot.busy = true;
      Plotly.relayout(plot.div, { selections: [] });
      plot.busy = false;
    }
    plot.links.forEach(function (link, k) {
      if (!byLines(link)) return;
      var marks = {};
      (plot.div.data[k].dimensions || []).forEach(function (axis, i) {
        if (axis.constraintrange) marks["dimensions[" + i + "].constraintrange"] = null;
      });
      if (Object.keys(marks).length) Plotly.restyle(plot.div, marks, [k]);
    });
  }

  function brush(plot, event) {
    if (plot.busy) return;
    var ids = new Set();
    ((event && event.points) || []).forEach(function (point) {
      var link = plot.links[point.curveNumber];
      if (byPoints(link)) ids.add(link.ids[point.pointNumber]);
    });
    u.clouds.inside(plot, event, ids);
    u.choice.brush(plot.div, ids);
  }

  // Chooses the lines that pass the brushes on the axes of parallel coordinates.
  function brushLines(plot) {
    var ids = null;
    plot.links.forEach(function (link, k) {
      if (!byLines(link)) return;
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

  // Shows all points, or again the first view: the action of a double click without a brush.
  function rescale(plot) {
    var change = {};
    Object.keys(plot.ranges).forEach(function (name) {
      var all = plot.div.layout[name].autorange;
      change[name + ".autorange"] = !all;
      if (all) change[name + ".range"] = plot.ranges[name].slice();
    });
    if (Object.keys(change).length) Plotly.relayout(plot.div, change);
  }

  function open(plot, id) {
    plot.opened = performance.now();
    if (u.drawer) u.drawer.open(id);
  }

  function listen(plot) {
    var frame = 0;
    u.clouds.listen(plot, function (id) {
      plot.taken = true; // plotly's own click may find another point, a little further away
      open(plot, id);
    });
    plot.div.addEventListener("pointerdown", function () {
      plot.taken = false;
      plot.pressed = [plot.pressed[1], performance.now()];
    }, true);
    plot.div.on("plotly_click", function (event) {
      if (plot.taken) return;
      var trial = event.points.map(function (point) {
        var link = plot.links[point.curveNumber];
        return link && link.ids[link.ids.length === 1 ? 0 : point.pointNumber];
      }).find(Boolean);
      if (trial) open(plot, trial);
    });
    plot.div.on("plotly_selecting", function (event) {
      if (!event) return; // the points follow while the reader draws the frame
      window.cancelAnimationFrame(frame);
      frame = window.requestAnimationFrame(function () { brush(plot, event); });
    });
    plot.div.on("plotly_selected", function (event) {
      window.cancelAnimationFrame(frame);
      if (event) brush(plot, event);
    });
    plot.div.on("plotly_deselect", function () {
      setTimeout(function () { // a click on a point opens it and leaves the choice unchanged
        if (plot.busy || performance.now() - plot.opened < 500) return;
        if (u.choice.by() === plot.div) u.choice.brush(plot.div, null);
        else if (plot.pressed[1] - plot.pressed[0] < 450) rescale(plot);
      }, 0);
    });
    plot.div.on("plotly_restyle", function (event) {
      var names = Object.keys((event && event[0]) || {});
      if (names.some(function (name) { return /constraintrange/.test(name); })) brushLines(plot);
    });
    plot.div.on("plotly_relayouting", function () { u.clouds.paint(plot, u.choice.shown()); });
    plot.div.on("plotly_afterplot", function () { settle(plot); });
  }

  // Adds the ring, the clouds and the dimmed points to a figure that plotly has just drawn.
  function settle(plot) {
    var shown = u.choice.shown();
    u.links.dimPoints(plot, shown);
    freshen(plot);
  }

  // Draws a figure again of which only the clouds have changed.
  function freshen(plot) {
    plot.painted = undefined;
    if (isNear(plot.div)) paint(plot);
    place(plot);
  }

  function paint(plot) {
    var shown = u.choice.shown();
    if (plot.painted === shown) return;
    plot.painted = shown;
    u.clouds.paint(plot, shown);
  }

  // Returns the properties in which two figures must agree so that one can take the other's points.
  function formOf(figure) {
    return JSON.stringify([
      figure.data.map(function (t) { return [t.type, t.mode, t.name, t.legendgroup, t.xaxis]; }),
      Object.keys(rangesOf(figure)),
    ]);
  }

  function rangesOf(figure) {
    var ranges = {};
    Object.keys(figure.layout).forEach(function (name) {
      var range = /^[xy]axis\d*$/.test(name) && figure.layout[name].range;
      if (range) ranges[name] = range.slice();
    });
    return ranges;
  }

  // Returns whether a figure shows no more than the drawn one, but for a small part of its axes:
  // accuracies by model move a little with each trial, and the ranges of the axes with them.
  function fits(figure, plot) {
    var ranges = rangesOf(figure);
    return Object.keys(ranges).every(function (name) {
      var drawn = plot.ranges[name], low = Math.min.apply(null, drawn), high = Math.max.apply(null, drawn);
      return ranges[name].every(function (end) {
        return end >= low - SLACK * (high - low) && end <= high + SLACK * (high - low);
      });
    });
  }

  // Returns whether the points of clouds lie within the drawn axes; an axis with a range shows some.
  function isWithin(clouds, plot) {
    return clouds.every(function (cloud) {
      return ["x", "y"].every(function (way, k) {
        var axis = plot.div._fullLayout[cloud.axes[k].replace(way, way + "axis")];
        return axis && (plot.ranges[axis._name] || Array.from(cloud[way]).every(function (value) {
          var pixel = axis.d2p(value);
          return pixel >= 0 && pixel <= axis._length;
        }));
      });
    });
  }

  // Shows the new trials of a figure at once and postpones the rest of it until its drawing is due.
  // Returns whether it could; a figure of curves, which are no points, is not postponed.
  function postpone(plot, figure, ids, share) {
    if (performance.now() > plot.due || formOf(figure) !== plot.form) return false;
    if (!fits(figure, plot)) return false;
    if (plot.links.some(u.links.isSlow)) return false;
    var clouds = u.clouds.withNewPoints(figure, ids, plot.points);
    if (!isWithin(clouds, plot)) return false;
    plot.clouds = clouds;
    freshen(plot);
    window.clearTimeout(plot.timer);
    plot.timer = window.setTimeout(function () {
      u.plots.draw(plot.div, figure, share);
    }, plot.due - performance.now());
    return true;
  }

  // Draws or redraws a figure; the choice, the zoom and the hidden traces stay. With ``share``, drawing
  // it again takes no more than that share of the time; new points do not wait for it.
  function draw(div, figure, share) {
    var section = div.closest("[data-study]");
    var study = section ? section.dataset.study : "";
    var known = plots.get(div);
    function ids(trace) { return u.links.idsOf(trace, study); }
    if (known && share && postpone(known, figure, ids, share)) return Promise.resolve();
    if (known) window.clearTimeout(known.timer);
    var began = performance.now(), form = formOf(figure);
    var plot = known || { div: div, ring: null, busy: false, opened: -1e9,
      pressed: [-1e9, -1e9] };
    var shown = u.choice.shown();
    var source = figure.data.map(function (trace) {
      return Object.assign({}, trace, trace.type === "scattergl" ? { type: "scatter" } : {});
    });
    plot.clouds = u.clouds.take(figure, ids);
    plot.source = plot.clouds.length ? source : null;
    // Most trials that come while a search runs are points of a cloud: the rest is unchanged.
    var rest = plot.clouds.length ? JSON.stringify([figure.data, figure.layout]) : "";
    if (known && rest && rest === plot.drawn) return Promise.resolve(freshen(plot));
    plot.drawn = rest;
    plot.form = form;
    plot.links = u.links.linksOf(figure, study);
    plot.points = new Set([].concat.apply([], plot.links.filter(byPoints).map(function (link) {
      return link.ids;
    })));
    plot.rest = shown;
    u.links.prepare(figure, plot.links, shown);
    plot.ranges = rangesOf(figure);
    figure.layout.uirevision = "kept";
    figure.layout.newselection = { line: { color: "#7b8794", width: 1, dash: "dot" } };
    if (known && div.layout) figure.layout.selections = div.layout.selections;
    if (touch) figure.layout.dragmode = false; // a finger scrolls the page
    else if (u.choice.table().ids.length && isBrushed(plot)) {
      figure.layout.dragmode = (known && div.layout.dragmode) || "select";
    }
    plots.set(div, plot);
    plot.busy = true;
    var config = configOf(figure, plot);
    return Plotly.react(div, figure.data, figure.layout, config).then(function () {
      if (!known) listen(plot);
      plot.busy = false;
      settle(plot);
      var ended = performance.now();
      plot.due = share ? ended + Math.min((ended - began) / share, POSTPONED) : 0;
    });
  }

  // Places a ring around the open trial in a figure that shows it as a point.
  function place(plot) {
    var pixels = ringed && plot.links ? pointOf(plot, ringed) : null;
    if (!pixels) {
      if (plot.ring) plot.ring.hidden = true;
      return;
    }
    if (!plot.ring) {
      plot.ring = document.createElement("span");
      plot.ring.className = "ring";
      plot.div.appendChild(plot.ring);
    }
    plot.ring.hidden = false;
    plot.ring.style.left = pixels[0] + "px";
    plot.ring.style.top = pixels[1] + "px";
  }

  function pointOf(plot, id) {
    var full = plot.div._fullLayout;
    for (var k = 0; full && k < plot.links.length; k++) {
      var link = plot.links[k];
      var trace = plot.div._fullData[k];
      if (!byPoints(link) || !trace || trace.visible !== true) continue;
      var i = link.ids.indexOf(id);
      if (i < 0) continue;
      var x = full[trace.xaxis.replace("x", "xaxis")], y = full[trace.yaxis.replace("y", "yaxis")];
      var px = x.d2p(trace.x[i]), py = y.d2p(trace.y[i]);
      if (px >= 0 && px <= x._length && py >= 0 && py <= y._length) {
        return [x._offset + px, y._offset + py];
      }
    }
    var cloud = plot.clouds.find(function (c) { return c.isVisible && c.ids.indexOf(id) >= 0; });
    if (!cloud) return null;
    var j = cloud.ids.indexOf(id);
    return [cloud.px[j], cloud.py[j]];
  }

  function isNear(div) {
    var box = div.getBoundingClientRect();
    return box.bottom > -200 && box.top < window.innerHeight + 200;
  }

  // Draws the slow links of a plot: in view once the pointer rests, out of view once it is scrolled to.
  function follow(plot) {
    var shown = u.choice.shown();
    if (plot.rest === shown || !plot.links.some(u.links.isSlow)) return;
    plot.rest = shown;
    u.links.dimRest(plot, shown);
  }

  var near = new IntersectionObserver(function (entries) {
    entries.forEach(function (entry) {
      var plot = plots.get(entry.target);
      if (!entry.isIntersecting || !plot || !plot.links) return;
      paint(plot);
      place(plot);
      follow(plot);
    });
  }, { rootMargin: "200px" });
  var waiting = 0;

  u.choice.listen(function (shown) {
    plots.forEach(function (plot) {
      if (!plot.div._fullLayout) return;
      u.links.dimPoints(plot, shown);
      if (isNear(plot.div)) paint(plot);
      if (u.choice.by() !== plot.div) unframe(plot);
    });
    window.clearTimeout(waiting);
    waiting = window.setTimeout(function () {
      plots.forEach(function (plot) { if (isNear(plot.div)) follow(plot); });
    }, 120);
  });

  window.addEventListener("beforeprint", function () {
    plots.forEach(function (plot) { Plotly.Plots.resize(plot.div); });
  });

  // A new figure waits until no button is held: while plotly makes it, plotly forgets the brush that is
  // being drawn in another one.
  var released = Promise.resolve();
  window.addEventListener("pointerdown", function () {
    released = new Promise(function (done) {
      setTimeout(done, 5000); // the window gets no event of a button that is released outside it
      ["pointerup", "pointercancel"].forEach(function (name) {
        window.addEventListener(name, function () { setTimeout(done, 200); }, { once: true });
      });
    });
  }, true);

  u.plots = {
    draw: function (div, figure, share) {
      return released.then(function () {
        if (!div.isConnected) return null; // the page was rebuilt while a button was held
        near.observe(div);
        return draw(div, figure, share);
      });
    },
    drop: function () {
      plots.forEach(function (plot) {
        window.clearTimeout(plot.timer);
        near.unobserve(plot.div);
        Plotly.purge(plot.div);
      });
      plots.clear();
    },
    of: function (div) { return plots.get(div); },
    ring: function (id) {
      ringed = id;
      plots.forEach(place);
    },
  };
})(window.unitsearch);
