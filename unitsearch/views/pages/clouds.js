// Thousands of points on one canvas under a figure, in a few milliseconds and without WebGL: a page
// may hold sixteen WebGL contexts in all, and drawing in software they take seconds.
// Traces of type scattergl become clouds; plotly keeps their entry in the legend and their extent.
(function (u) {
  "use strict";
  var FAINT = 0.2; // of a point's own opacity
  var REACH = 9; // pixels around the pointer in which a point is found
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

  function each(value, i) {
    return Array.isArray(value) || ArrayBuffer.isView(value) ? value[i] : value;
  }

  // Takes the clouds out of a figure; ids(trace) names the trials of a trace.
  function take(figure, ids) {
    var clouds = [];
    figure.data.slice().forEach(function (trace, at) {
      if (trace.type !== "scattergl") return;
      trace.type = "scatter";
      if (!/markers/.test(trace.mode || "markers") || /lines/.test(trace.mode)) return;
      var marker = trace.marker || {};
      var cloud = {
        at: at, x: decoded(trace.x), y: decoded(trace.y), ids: ids(trace) || [],
        axes: [trace.xaxis || "x", trace.yaxis || "y"], name: trace.name,
        colour: marker.color || "#848e9b", size: marker.size || 6, symbol: marker.symbol || "circle",
        opacity: marker.opacity === undefined ? 1 : marker.opacity,
      };
      cloud.px = new Float32Array(cloud.x.length);
      cloud.py = new Float32Array(cloud.x.length);
      clouds.push(cloud);
      ["customdata", "error_x", "error_y", "text", "hovertext", "hovertemplate"].forEach(
        function (name) { delete trace[name]; });
      trace.x = [null];
      trace.y = [null];
      trace.marker = Object.assign({}, marker, {
        color: each(cloud.colour, 0), size: each(cloud.size, 0), symbol: each(cloud.symbol, 0),
      });
      figure.data.push({
        type: "scatter", mode: "markers", x: extent(cloud.x), y: extent(cloud.y), hoverinfo: "skip",
        xaxis: cloud.axes[0], yaxis: cloud.axes[1], showlegend: false, marker: { opacity: 0 },
      });
    });
    return clouds;
  }

  function extent(values) {
    var low = Infinity, high = -Infinity;
    for (var i = 0; i < values.length; i++) {
      if (values[i] < low) low = values[i];
      if (values[i] > high) high = values[i];
    }
    return [low, high];
  }

  // A function from data to pixels of the figure.
  function along(axis, flip) {
    var low = axis.range[0], span = axis.range[1] - axis.range[0], length = axis._length;
    var log = axis.type === "log";
    return function (value) {
      var share = ((log ? Math.log10(value) : value) - low) / span;
      return axis._offset + length * (flip ? 1 - share : share);
    };
  }

  function sprite(colour, size, symbol, ratio) {
    var side = Math.ceil((size + 3) * ratio);
    var made = document.createElement("canvas");
    made.width = made.height = side;
    var pen = made.getContext("2d"), middle = side / 2, r = (size * ratio) / 2;
    pen.fillStyle = colour;
    pen.beginPath();
    if (/^diamond/.test(symbol)) {
      r *= 1.3; // as plotly draws it
      pen.moveTo(middle, middle - r);
      pen.lineTo(middle + r, middle);
      pen.lineTo(middle, middle + r);
      pen.lineTo(middle - r, middle);
    } else if (/^square/.test(symbol)) {
      pen.rect(middle - r, middle - r, 2 * r, 2 * r);
    } else {
      pen.arc(middle, middle, r, 0, 2 * Math.PI);
    }
    pen.fill();
    return made;
  }

  function canvasOf(plot) {
    var host = plot.div.querySelector(".svg-container");
    if (!plot.canvas || plot.canvas.parentNode !== host) {
      plot.canvas = document.createElement("canvas");
      plot.canvas.className = "cloud";
      plot.canvas.setAttribute("aria-hidden", "true");
      host.insertBefore(plot.canvas, host.firstChild);
    }
    return plot.canvas;
  }

  // Paints the clouds of a plot; ``shown`` are the chosen trials, null for all.
  function paint(plot, shown) {
    if (!plot.clouds || !plot.clouds.length || !plot.div._fullLayout) return;
    var full = plot.div._fullLayout, canvas = canvasOf(plot);
    var ratio = window.devicePixelRatio || 1;
    canvas.width = full.width * ratio;
    canvas.height = full.height * ratio;
    canvas.style.width = full.width + "px";
    canvas.style.height = full.height + "px";
    var pen = canvas.getContext("2d");
    var chosen = 0;
    plot.clouds.forEach(function (cloud) {
      cloud.seen = plot.div._fullData[cloud.at].visible === true;
      var x = full[cloud.axes[0].replace("x", "xaxis")], y = full[cloud.axes[1].replace("y", "yaxis")];
      if (!cloud.seen || !x || !y) return;
      var toX = along(x, false), toY = along(y, true);
      pen.save();
      pen.beginPath();
      pen.rect(x._offset * ratio, y._offset * ratio, x._length * ratio, y._length * ratio);
      pen.clip();
      var sprites = {};
      // first those that are not chosen, so that the others lie above them
      (shown ? [false, true] : [true]).forEach(function (wanted) {
        pen.globalAlpha = cloud.opacity * (wanted ? 1 : FAINT);
        for (var i = 0; i < cloud.x.length; i++) {
          if (shown && shown.has(cloud.ids[i]) !== wanted) continue;
          if (wanted) chosen++;
          var px = cloud.px[i] = toX(cloud.x[i]), py = cloud.py[i] = toY(cloud.y[i]);
          var colour = each(cloud.colour, i), size = each(cloud.size, i), symbol = each(cloud.symbol, i);
          var key = colour + size + symbol;
          var dot = sprites[key] || (sprites[key] = sprite(colour, size, symbol, ratio));
          pen.drawImage(dot, px * ratio - dot.width / 2, py * ratio - dot.height / 2);
        }
      });
      pen.restore();
    });
    canvas.dataset.chosen = chosen;
  }

  // The point nearest to a place of the figure, {id, px, py, cloud, i}, or null.
  function near(plot, left, top) {
    var best = null, reach = REACH * REACH;
    (plot.clouds || []).forEach(function (cloud) {
      if (!cloud.seen) return;
      for (var i = 0; i < cloud.ids.length; i++) {
        var dx = cloud.px[i] - left, dy = cloud.py[i] - top, far = dx * dx + dy * dy;
        if (far < reach) {
          reach = far;
          best = { id: cloud.ids[i], px: cloud.px[i], py: cloud.py[i], cloud: cloud, i: i };
        }
      }
    });
    return best;
  }

  // Adds the trials inside a selection, as plotly tells it, to ``ids``.
  function inside(plot, event, ids) {
    var range = event && event.range, lasso = event && event.lassoPoints;
    if (!range && !lasso) return;
    var full = plot.div._fullLayout;
    (plot.clouds || []).forEach(function (cloud) {
      var at = cloud.axes, corners = range || lasso;
      if (!cloud.seen || !corners[at[0]] || !corners[at[1]]) return;
      var toX = along(full[at[0].replace("x", "xaxis")], false);
      var toY = along(full[at[1].replace("y", "yaxis")], true);
      var xs = Array.from(corners[at[0]], toX), ys = Array.from(corners[at[1]], toY);
      var left = Math.min.apply(null, xs), right = Math.max.apply(null, xs);
      var up = Math.min.apply(null, ys), down = Math.max.apply(null, ys);
      for (var i = 0; i < cloud.ids.length; i++) {
        var x = cloud.px[i], y = cloud.py[i];
        if (x < left || x > right || y < up || y > down) continue;
        if (range || within(xs, ys, x, y)) ids.add(cloud.ids[i]);
      }
    });
  }

  function within(xs, ys, x, y) {
    var odd = false;
    for (var i = 0, j = xs.length - 1; i < xs.length; j = i++) {
      if ((ys[i] > y) !== (ys[j] > y) &&
          x < ((xs[j] - xs[i]) * (y - ys[i])) / (ys[j] - ys[i]) + xs[i]) odd = !odd;
    }
    return odd;
  }

  // Says which trial is under the pointer, and opens it at a click; where plotly has a point of its
  // own there, it does.
  function listen(plot) {
    var said = document.createElement("div");
    said.className = "cloud-says";
    said.hidden = true;
    plot.div.appendChild(said);
    var pressed = null;

    function under(event) {
      var box = plot.div.getBoundingClientRect();
      if ((plot.div._hoverdata || []).length) return null;
      return near(plot, event.clientX - box.left, event.clientY - box.top);
    }

    plot.div.addEventListener("mousemove", function (event) {
      var found = event.buttons ? null : under(event);
      said.hidden = !found;
      if (!found) return;
      var full = plot.div._fullLayout, at = found.cloud.axes;
      var lines = ["#" + found.id.split(":").pop()].concat(
        [["x", found.cloud.x], ["y", found.cloud.y]].map(function (one, k) {
          var axis = full[at[k].replace(one[0], one[0] + "axis")];
          return axis.title.text + " " + Number(one[1][found.i].toPrecision(4)).toLocaleString("en");
        }));
      said.replaceChildren.apply(said, lines.map(function (line) {
        var made = document.createElement("div");
        made.textContent = line;
        return made;
      }));
      said.style.left = found.px + "px";
      said.style.top = found.py + "px";
    });
    plot.div.addEventListener("mouseleave", function () { said.hidden = true; });
    plot.div.addEventListener("pointerdown", function (event) {
      pressed = event.button === 0 ? [event.clientX, event.clientY] : null;
    }, true);
    window.addEventListener("pointerup", function (event) {
      if (!pressed) return;
      var moved = Math.abs(event.clientX - pressed[0]) + Math.abs(event.clientY - pressed[1]);
      pressed = null;
      var found = moved < 4 && plot.div.isConnected ? under(event) : null;
      if (found && u.drawer) u.drawer.open(found.id);
    }, true);
  }

  u.clouds = { decoded: decoded, take: take, paint: paint, near: near, inside: inside, listen: listen };
})(window.unitsearch);
