// Clouds: thousands of points on one canvas under a figure, drawn in a few milliseconds without WebGL.
// A page may hold sixteen WebGL contexts in all, and without a graphics card they take seconds.
// Traces of type scattergl become clouds; plotly keeps their entries in the legend and their extents.
(function (u) {
  "use strict";
  var FAINT = 0.2; // share of its opacity that a point keeps when it is not chosen
  var REACH = 9; // pixels from the pointer within which a point is picked
  var ABOVE = 6; // pixels from its centre within which plotly's own point hides a cloud's points
  var MANY = 1500; // more points than this overlap too much to be distinguished
  var stamps = {};
  var ARRAYS = {
    i1: Int8Array, u1: Uint8Array, i2: Int16Array, u2: Uint16Array, i4: Int32Array,
    u4: Uint32Array, f4: Float32Array, f8: Float64Array,
  };

  // Returns an array as numbers; plotly's JSON holds NumPy's arrays in base64.
  function decoded(values) {
    if (!values || values.bdata === undefined) return values;
    var bytes = Uint8Array.from(atob(values.bdata), function (c) { return c.charCodeAt(0); });
    return new ARRAYS[values.dtype](bytes.buffer);
  }

  function each(value, i) {
    return Array.isArray(value) || ArrayBuffer.isView(value) ? value[i] : value;
  }

  function isOfPoints(trace) {
    return /markers/.test(trace.mode || "markers") && !/lines/.test(trace.mode);
  }

  // Returns the points of trace number ``index`` of a figure as a cloud; ``ids`` name their trials.
  function cloudOf(trace, index, ids) {
    var marker = trace.marker || {};
    var cloud = {
      trace: index, x: decoded(trace.x), y: decoded(trace.y), ids: ids || [],
      axes: [trace.xaxis || "x", trace.yaxis || "y"],
      opacity: marker.opacity === undefined ? 1 : marker.opacity,
    };
    sort(cloud, marker);
    cloud.px = new Float32Array(cloud.x.length);
    cloud.py = new Float32Array(cloud.x.length);
    return cloud;
  }

  // Removes the clouds from a figure and returns them; ids(trace) names the trials of a trace.
  function take(figure, ids) {
    var clouds = [];
    figure.data.slice().forEach(function (trace, index) {
      if (trace.type !== "scattergl") return;
      trace.type = "scatter";
      if (!isOfPoints(trace)) return;
      var cloud = cloudOf(trace, index, ids(trace));
      clouds.push(cloud);
      ["customdata", "error_x", "error_y", "text", "hovertext", "hovertemplate"].forEach(
        function (name) { delete trace[name]; });
      trace.x = [null];
      trace.y = [null];
      trace.marker = Object.assign({}, trace.marker, {
        color: cloud.kinds[0].colour, size: cloud.kinds[0].size, symbol: cloud.kinds[0].symbol,
      });
      figure.data.push({
        type: "scatter", mode: "markers", x: extent(cloud.x), y: extent(cloud.y), hoverinfo: "skip",
        xaxis: cloud.axes[0], yaxis: cloud.axes[1], showlegend: false, marker: { opacity: 0 },
      });
    });
    return clouds;
  }

  // Returns the points of a figure, except those in ``drawn`` (a Set of ids), as clouds: its clouds,
  // and the points that are new in its other traces.
  function withNewPoints(figure, ids, drawn) {
    return figure.data.map(function (trace, index) {
      var trials = isOfPoints(trace) && /^scatter(gl)?$/.test(trace.type) && ids(trace);
      if (!trials) return null;
      if (trace.type === "scattergl") return cloudOf(trace, index, trials);
      var places = trials.map(function (_, i) { return i; }).filter(function (i) {
        return !drawn.has(trials[i]);
      });
      function some(values) {
        return places.map(function (i) { return each(values, i); });
      }
      var marker = Object.assign({}, trace.marker);
      ["color", "size", "symbol"].forEach(function (name) {
        if (marker[name] !== undefined) marker[name] = some(marker[name]);
      });
      var part = { x: some(decoded(trace.x)), y: some(decoded(trace.y)), marker: marker,
        xaxis: trace.xaxis, yaxis: trace.yaxis };
      return places.length ? cloudOf(part, index, some(trials)) : null;
    }).filter(Boolean);
  }

  // Sorts the points of a cloud by their look: fills ``kinds`` and the kind of each point.
  function sort(cloud, marker) {
    // The size shrinks in steps, so that a few more points leave the entry in the legend unchanged.
    var steps = Math.round(20 * Math.sqrt(MANY / cloud.x.length));
    var places = {}, shrunk = Math.max(0.6, Math.min(1, steps / 20));
    cloud.kinds = [];
    cloud.kind = new Uint16Array(cloud.x.length);
    for (var i = 0; i < cloud.x.length || i === 0; i++) {
      var colour = each(marker.color || "#848e9b", i), size = shrunk * each(marker.size || 6, i);
      var symbol = each(marker.symbol || "circle", i), key = colour + " " + size + " " + symbol;
      if (places[key] === undefined) {
        places[key] = cloud.kinds.push({ colour: colour, size: size, symbol: symbol }) - 1;
      }
      if (i < cloud.x.length) cloud.kind[i] = places[key];
    }
  }

  // Returns the share of its opacity that a point keeps among so many points.
  function thinned(points) {
    return points > MANY ? Math.max(0.22, 0.6 * Math.sqrt(MANY / points)) : 1;
  }

  function extent(values) {
    var low = Infinity, high = -Infinity;
    for (var i = 0; i < values.length; i++) {
      if (values[i] < low) low = values[i];
      if (values[i] > high) high = values[i];
    }
    return [low, high];
  }

  // Returns a function from the values of an axis to pixels of the figure.
  function along(axis, flip) {
    var low = axis.range[0], span = axis.range[1] - axis.range[0], length = axis._length;
    var log = axis.type === "log";
    return function (value) {
      var share = ((log ? Math.log10(value) : value) - low) / span;
      return axis._offset + length * (flip ? 1 - share : share);
    };
  }

  // Returns a kind of point as pixels: its cover of each pixel, and its colour as a canvas stores it.
  function stamp(kind, ratio) {
    var key = [kind.colour, kind.size, kind.symbol, ratio].join(" ");
    if (stamps[key]) return stamps[key];
    var side = Math.ceil((kind.size + 3) * ratio);
    var made = document.createElement("canvas");
    made.width = made.height = side;
    var pen = made.getContext("2d"), middle = side / 2, r = (kind.size * ratio) / 2;
    pen.fillStyle = kind.colour;
    pen.beginPath();
    if (/^diamond/.test(kind.symbol)) {
      r *= 1.3; // plotly draws diamonds this much larger
      pen.moveTo(middle, middle - r);
      pen.lineTo(middle + r, middle);
      pen.lineTo(middle, middle + r);
      pen.lineTo(middle - r, middle);
    } else if (/^square/.test(kind.symbol)) {
      pen.rect(middle - r, middle - r, 2 * r, 2 * r);
    } else {
      pen.arc(middle, middle, r, 0, 2 * Math.PI);
    }
    pen.fill();
    var data = pen.getImageData(0, 0, side, side).data;
    var cover = new Uint8Array(side * side);
    for (var i = 0; i < cover.length; i++) cover[i] = data[4 * i + 3];
    var centre = 4 * (side * Math.floor(middle) + Math.floor(middle));
    var colour = (data[centre + 2] << 16) | (data[centre + 1] << 8) | data[centre];
    stamps[key] = { side: side, cover: cover, colour: colour };
    return stamps[key];
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

  // Paints the clouds of a plot; ``shown`` are the chosen trials, null for all. It writes pixels,
  // which is ten times as fast as drawing ten thousand images.
  function paint(plot, shown) {
    if (!plot.clouds || !plot.div._fullLayout) return;
    if (!plot.clouds.length) {
      if (plot.canvas) plot.canvas.remove();
      return;
    }
    var full = plot.div._fullLayout, canvas = canvasOf(plot);
    var ratio = window.devicePixelRatio || 1;
    canvas.width = Math.ceil(full.width * ratio);
    canvas.height = Math.ceil(full.height * ratio);
    canvas.style.width = full.width + "px";
    canvas.style.height = full.height + "px";
    var pen = canvas.getContext("2d");
    var image = pen.createImageData(canvas.width, canvas.height);
    var pixels = new Uint32Array(image.data.buffer);
    var chosen = 0;
    plot.clouds.forEach(function (cloud) {
      cloud.isVisible = plot.div._fullData[cloud.trace].visible === true;
      var x = full[cloud.axes[0].replace("x", "xaxis")], y = full[cloud.axes[1].replace("y", "yaxis")];
      if (!cloud.isVisible || !x || !y) return;
      var toX = along(x, false), toY = along(y, true);
      var frame = [x._offset, y._offset, x._offset + x._length, y._offset + y._length].map(
        function (edge) { return Math.round(edge * ratio); });
      var looks = cloud.kinds.map(function (kind) { return stamp(kind, ratio); });
      // The trials that are not chosen come first, so that the chosen ones lie above them.
      (shown ? [false, true] : [true]).forEach(function (wanted) {
        // Among thousands of points the darkness of a place shows how many points lie there.
        var strength = cloud.opacity * thinned(cloud.x.length) * (wanted ? 1 : FAINT);
        var most = 255 * cloud.opacity * (wanted ? 1 : FAINT);
        for (var i = 0; i < cloud.x.length; i++) {
          if (shown && shown.has(cloud.ids[i]) !== wanted) continue;
          if (wanted) chosen++;
          cloud.px[i] = toX(cloud.x[i]);
          cloud.py[i] = toY(cloud.y[i]);
          stampPoint(pixels, canvas.width, looks[cloud.kind[i]], strength, most, frame,
            cloud.px[i] * ratio, cloud.py[i] * ratio);
        }
      });
    });
    pen.putImageData(image, 0, 0);
    canvas.dataset.chosen = chosen;
  }

  function stampPoint(pixels, width, look, strength, most, frame, px, py) {
    var side = look.side, left = Math.round(px - side / 2), top = Math.round(py - side / 2);
    if (!(left < frame[2] && left + side > frame[0] && top < frame[3] && top + side > frame[1])) return;
    for (var row = 0; row < side; row++) {
      var y = top + row;
      if (y < frame[1] || y >= frame[3]) continue;
      for (var column = 0; column < side; column++) {
        var cover = look.cover[row * side + column], x = left + column;
        if (!cover || x < frame[0] || x >= frame[2]) continue;
        var pixel = y * width + x, under = pixels[pixel] >>> 24;
        var alpha = Math.min(most, under + (((255 - under) * cover * strength) / 255 + 0.5)) | 0;
        if (alpha >= under) pixels[pixel] = (alpha << 24) | look.colour;
      }
    }
  }

  // Returns the point nearest to a place of the figure, {id, px, py, cloud, i}, or null.
  function near(plot, left, top) {
    var best = null, reach = REACH * REACH;
    (plot.clouds || []).forEach(function (cloud) {
      if (!cloud.isVisible) return;
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

  // Adds the trials inside a selection, as plotly's event describes it, to ``ids``.
  function inside(plot, event, ids) {
    var range = event && event.range, lasso = event && event.lassoPoints;
    if (!range && !lasso) return;
    var full = plot.div._fullLayout;
    (plot.clouds || []).forEach(function (cloud) {
      var axes = cloud.axes, corners = range || lasso;
      if (!cloud.isVisible || !corners[axes[0]] || !corners[axes[1]]) return;
      var toX = along(full[axes[0].replace("x", "xaxis")], false);
      var toY = along(full[axes[1].replace("y", "yaxis")], true);
      var xs = Array.from(corners[axes[0]], toX), ys = Array.from(corners[axes[1]], toY);
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

  // Returns the point of a cloud under the pointer, or null if a point of plotly's own is nearer.
  function under(plot, event) {
    var box = plot.div.getBoundingClientRect();
    var left = event.clientX - box.left, top = event.clientY - box.top;
    var point = near(plot, left, top);
    return point && (plot.div._hoverdata || []).every(function (own) {
      if (!own.xaxis || !own.yaxis) return true;
      var dx = own.xaxis._offset + own.xaxis.d2p(own.x) - left;
      var dy = own.yaxis._offset + own.yaxis.d2p(own.y) - top;
      return Math.hypot(dx, dy) > Math.max(ABOVE, Math.hypot(point.px - left, point.py - top));
    }) ? point : null;
  }

  // Shows the trial of a cloud under the pointer, and calls ``open`` at a click on it.
  function listen(plot, open) {
    var label = document.createElement("div");
    label.className = "cloud-label";
    label.hidden = true;
    plot.div.appendChild(label);
    var pressed = null;

    plot.div.addEventListener("mousemove", function (event) {
      var point = event.buttons ? null : under(plot, event);
      label.hidden = !point;
      plot.div.classList.toggle("on-cloud", Boolean(point));
      if (!point) return;
      var full = plot.div._fullLayout, axes = point.cloud.axes;
      var lines = ["#" + point.id.split(":").pop()].concat(
        [["x", point.cloud.x], ["y", point.cloud.y]].map(function (way, k) {
          var axis = full[axes[k].replace(way[0], way[0] + "axis")];
          return axis.title.text + " " + Number(way[1][point.i].toPrecision(4)).toLocaleString("en");
        }));
      label.replaceChildren.apply(label, lines.map(function (line) {
        var made = document.createElement("div");
        made.textContent = line;
        return made;
      }));
      label.style.left = point.px + "px";
      label.style.top = point.py + "px";
    });
    plot.div.addEventListener("mouseleave", function () { label.hidden = true; });
    plot.div.addEventListener("pointerdown", function (event) {
      pressed = event.button === 0 ? [event.clientX, event.clientY] : null;
    }, true);
    window.addEventListener("pointerup", function (event) {
      if (!pressed) return;
      var moved = Math.abs(event.clientX - pressed[0]) + Math.abs(event.clientY - pressed[1]);
      pressed = null;
      var point = moved < 4 && plot.div.isConnected ? under(plot, event) : null;
      if (point) open(point.id);
    }, true);
  }

  u.clouds = { decoded: decoded, take: take, withNewPoints: withNewPoints, paint: paint, inside: inside,
    listen: listen };
})(window.unitsearch);
