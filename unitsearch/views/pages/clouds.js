// Thousands of points on one canvas under a figure, in a few milliseconds and without WebGL: a page
// may hold sixteen WebGL contexts in all, and drawing in software they take seconds.
// Traces of type scattergl become clouds; plotly keeps their entry in the legend and their extent.
(function (u) {
  "use strict";
  var FAINT = 0.2; // of a point's own opacity
  var REACH = 9; // pixels around the pointer in which a point is found
  var ABOVE = 6; // pixels around its middle that a point of plotly's own covers of what lies below
  var MANY = 1500; // points that can be told apart
  var stamps = {};
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

  function isOfPoints(trace) {
    return /markers/.test(trace.mode || "markers") && !/lines/.test(trace.mode);
  }

  // The points of a trace, which is the figure's ``at``-th, as a cloud; ids name their trials.
  function cloudOf(trace, at, ids) {
    var marker = trace.marker || {};
    var cloud = {
      at: at, x: decoded(trace.x), y: decoded(trace.y), ids: ids || [],
      axes: [trace.xaxis || "x", trace.yaxis || "y"],
      opacity: marker.opacity === undefined ? 1 : marker.opacity,
    };
    sort(cloud, marker);
    cloud.px = new Float32Array(cloud.x.length);
    cloud.py = new Float32Array(cloud.x.length);
    return cloud;
  }

  // Takes the clouds out of a figure; ids(trace) names the trials of a trace.
  function take(figure, ids) {
    var clouds = [];
    figure.data.slice().forEach(function (trace, at) {
      if (trace.type !== "scattergl") return;
      trace.type = "scatter";
      if (!isOfPoints(trace)) return;
      var cloud = cloudOf(trace, at, ids(trace));
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

  // What a figure shows besides the points in ``drawn``, a Set of ids, as clouds: those that it has
  // anyway, and what has come to its other points since.
  function news(figure, ids, drawn) {
    return figure.data.map(function (trace, at) {
      var named = isOfPoints(trace) && /^scatter(gl)?$/.test(trace.type) && ids(trace);
      if (!named) return null;
      if (trace.type === "scattergl") return cloudOf(trace, at, named);
      var places = named.map(function (_, i) { return i; }).filter(function (i) {
        return !drawn.has(named[i]);
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
      return places.length ? cloudOf(part, at, some(named)) : null;
    }).filter(Boolean);
  }

  // What its points look like: ``kinds``, and which of them each is.
  function sort(cloud, marker) {
    // in steps, so that a few more points leave the entry in the legend as it is
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

  // How much of its strength a point of so many keeps.
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

  // A function from data to pixels of the figure.
  function along(axis, flip) {
    var low = axis.range[0], span = axis.range[1] - axis.range[0], length = axis._length;
    var log = axis.type === "log";
    return function (value) {
      var share = ((log ? Math.log10(value) : value) - low) / span;
      return axis._offset + length * (flip ? 1 - share : share);
    };
  }

  // A kind of point as pixels: how much of each it covers, and its colour as a canvas stores it.
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
      r *= 1.3; // as plotly draws it
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

  // Paints the clouds of a plot; ``shown`` are the chosen trials, null for all. Pixel by pixel,
  // which is ten times as fast as ten thousand images drawn.
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
      cloud.seen = plot.div._fullData[cloud.at].visible === true;
      var x = full[cloud.axes[0].replace("x", "xaxis")], y = full[cloud.axes[1].replace("y", "yaxis")];
      if (!cloud.seen || !x || !y) return;
      var toX = along(x, false), toY = along(y, true);
      var frame = [x._offset, y._offset, x._offset + x._length, y._offset + y._length].map(
        function (edge) { return Math.round(edge * ratio); });
      var looks = cloud.kinds.map(function (kind) { return stamp(kind, ratio); });
      // first those that are not chosen, so that the others lie above them
      (shown ? [false, true] : [true]).forEach(function (wanted) {
        // where thousands lie, how many lie at a place is seen by how dark it is
        var strength = cloud.opacity * thinned(cloud.x.length) * (wanted ? 1 : FAINT);
        var most = 255 * cloud.opacity * (wanted ? 1 : FAINT);
        for (var i = 0; i < cloud.x.length; i++) {
          if (shown && shown.has(cloud.ids[i]) !== wanted) continue;
          if (wanted) chosen++;
          cloud.px[i] = toX(cloud.x[i]);
          cloud.py[i] = toY(cloud.y[i]);
          print(pixels, canvas.width, looks[cloud.kind[i]], strength, most, frame,
            cloud.px[i] * ratio, cloud.py[i] * ratio);
        }
      });
    });
    pen.putImageData(image, 0, 0);
    canvas.dataset.chosen = chosen;
  }

  function print(pixels, width, look, strength, most, frame, px, py) {
    var side = look.side, left = Math.round(px - side / 2), top = Math.round(py - side / 2);
    if (!(left < frame[2] && left + side > frame[0] && top < frame[3] && top + side > frame[1])) return;
    for (var row = 0; row < side; row++) {
      var y = top + row;
      if (y < frame[1] || y >= frame[3]) continue;
      for (var column = 0; column < side; column++) {
        var cover = look.cover[row * side + column], x = left + column;
        if (!cover || x < frame[0] || x >= frame[2]) continue;
        var at = y * width + x, under = pixels[at] >>> 24;
        var alpha = Math.min(most, under + (((255 - under) * cover * strength) / 255 + 0.5)) | 0;
        if (alpha >= under) pixels[at] = (alpha << 24) | look.colour;
      }
    }
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

  // The point of a cloud under the pointer, if no point of plotly's own is nearer.
  function under(plot, event) {
    var box = plot.div.getBoundingClientRect();
    var left = event.clientX - box.left, top = event.clientY - box.top;
    var found = near(plot, left, top);
    return found && (plot.div._hoverdata || []).every(function (point) {
      if (!point.xaxis || !point.yaxis) return true;
      var dx = point.xaxis._offset + point.xaxis.d2p(point.x) - left;
      var dy = point.yaxis._offset + point.yaxis.d2p(point.y) - top;
      return Math.hypot(dx, dy) > Math.max(ABOVE, Math.hypot(found.px - left, found.py - top));
    }) ? found : null;
  }

  // Says which trial of a cloud is under the pointer, and calls open at a click on it.
  function listen(plot, open) {
    var said = document.createElement("div");
    said.className = "cloud-says";
    said.hidden = true;
    plot.div.appendChild(said);
    var pressed = null;

    plot.div.addEventListener("mousemove", function (event) {
      var found = event.buttons ? null : under(plot, event);
      said.hidden = !found;
      plot.div.classList.toggle("on-cloud", Boolean(found));
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
      var found = moved < 4 && plot.div.isConnected ? under(plot, event) : null;
      if (found) open(found.id);
    }, true);
  }

  u.clouds = { decoded: decoded, take: take, news: news, paint: paint, inside: inside,
    listen: listen };
})(window.unitsearch);
