// The page of the dashboard: draws the server's answers and requests the parts that are in view. Dash
// calls ``look`` at each tick of its clock.
(function (u) {
  "use strict";
  var page = null; // the state that the page shows
  var wanted = null; // the state that came last
  var busy = false;
  var parts = new Map(); // element -> {number, stale, drawn}
  var SHARE = 0.1; // share of the time that drawing may take while a search runs on the same cores
  var REDRAWN = 0.003; // share that drawing figures again may take then; new points take little
  var AHEAD = 400; // pixels outside the window within which a part is drawn for the first time
  var LONGEST = 1500; // the most milliseconds between two drawings, so that no trial waits for long
  var shown = {}; // HTML by the id of its element
  var given = {}; // parts that came with the page, by number
  var table = null; // a promise: settles once the trials are known, which a brush needs
  var plotly = new Promise(function (done) {
    if (window.Plotly) return done();
    document.getElementById("plotly").addEventListener("load", done);
  });

  function ask(path, more) {
    var query = new URLSearchParams(location.search);
    Object.keys(more || {}).forEach(function (name) {
      query.delete(name);
      [].concat(more[name]).forEach(function (value) { query.append(name, value); });
    });
    return fetch(path + "?" + query).then(function (response) {
      return response.json().then(function (answer) {
        if (!response.ok) throw new Error(answer.error || response.statusText);
        return answer;
      });
    });
  }

  u.details = function (id) {
    var colon = id.lastIndexOf(":");
    return ask("/api/trial", { study: id.slice(0, colon), number: id.slice(colon + 1) });
  };

  function show(next) {
    wanted = next;
    if (!busy) work();
  }

  function work() {
    if (!wanted || wanted === page) return;
    var next = wanted;
    var began = performance.now();
    busy = true;
    Promise.resolve(render(next, page)).catch(complain).then(function () {
      page = next;
      var pause = Math.min((performance.now() - began) / SHARE, LONGEST);
      setTimeout(function () {
        busy = false;
        work();
      }, pause);
    });
  }

  function complain(error) {
    var message = document.createElement("p");
    message.className = "problem";
    message.setAttribute("role", "alert");
    message.textContent = String(error.message || error);
    document.getElementById("head").replaceChildren(message);
    delete shown.head;
  }

  function render(next, before) {
    if (document.title !== next.title) document.title = next.title;
    put("bar", next.bar);
    put("head", next.head);
    var again = before && JSON.stringify(before.layout) === JSON.stringify(next.layout);
    document.getElementById("controls").hidden = !next.layout.length;
    if (!again) rebuild(next.panels);
    else if (before.version === next.version) return null;
    parts.forEach(function (part) { part.stale = true; });
    if (!next.layout.length) return null;
    given = next.parts || {};
    table = Promise.resolve(next.trials || ask("/api/trials")).then(function (columns) {
      u.choice.load(columns);
      u.offerFilters();
      if (!again && /^#trial-\d+$/.test(location.hash)) {
        u.drawer.open(u.choice.id(next.layout[0], location.hash.slice(7)));
      }
    });
    return Promise.all([table, fillNear()]);
  }

  // Puts new HTML into an element, unless the reader is using a select in it.
  function put(name, html) {
    var place = document.getElementById(name);
    if (shown[name] === html || place.querySelector("select:focus")) return;
    shown[name] = html;
    u.tables.replace(place, html);
  }

  function rebuild(html) {
    u.plots.drop();
    parts.forEach(function (_, element) { unobserve(element); });
    parts.clear();
    document.getElementById("panels").innerHTML = html;
    document.querySelectorAll("[data-part]").forEach(function (element) {
      parts.set(element, { number: element.dataset.part, stale: true, drawn: false });
      nears.forEach(function (near) { near.observe(element); });
    });
  }

  function unobserve(element) { nears.forEach(function (near) { near.unobserve(element); }); }

  // Returns whether a part is near enough to be filled: an empty part a little before it comes into
  // view, a stale part once it is in view.
  function isNear(element) {
    var box = element.getBoundingClientRect(), ahead = parts.get(element).drawn ? 0 : AHEAD;
    return box.top < window.innerHeight + ahead && box.bottom > -ahead;
  }

  function isDue(element) { return parts.get(element).stale && isNear(element); }

  function askPart(number) {
    var part = given[number];
    delete given[number]; // drawing changes the figure, so it is used once
    return part ? Promise.resolve(part) : ask("/api/part/" + number);
  }

  // Fills the parts that are due, from the top down; one is drawn while the next is requested.
  var filling = null;
  function fillNear() {
    var drawn = Promise.resolve();
    filling = filling || (function next() {
      var element = Array.from(parts.keys()).find(isDue);
      if (!element) return drawn;
      var part = parts.get(element);
      part.stale = false;
      part.drawn = true;
      function fail(error) {
        element.firstElementChild.textContent = String(error.message || error);
      }
      return askPart(part.number).then(function (answer) {
        drawn = drawn.then(function () {
          return parts.get(element) === part ? fill(element, answer) : null;
        }).catch(fail);
      }, fail).then(next);
    })().then(function () { filling = null; });
    return filling;
  }

  function fill(element, answer) {
    if (answer.html !== undefined) {
      element.closest(".panel").hidden = !answer.html;
      u.tables.replace(element.firstElementChild, answer.html);
      u.drawer.refresh();
      return null;
    }
    var div = element.firstElementChild;
    var height = answer.figure.layout.height;
    if (height) div.style.minHeight = height + "px";
    return Promise.all([plotly, table]).then(function () {
      return u.plots.draw(div, answer.figure, wanted.running ? REDRAWN : 0);
    });
  }

  var nears = [0, AHEAD].map(function (ahead) {
    return new IntersectionObserver(function (entries) {
      if (entries.some(function (entry) { return entry.isIntersecting; })) fillNear();
    }, { rootMargin: ahead + "px" });
  });

  document.addEventListener("change", function (event) {
    if (event.target.matches("select.jump") && event.target.value) {
      location.assign(event.target.value);
    }
  });
  // A hidden page requests nothing.
  document.addEventListener("visibilitychange", function () {
    if (window.dash_clientside.set_props) {
      window.dash_clientside.set_props("clock", { disabled: document.hidden });
    }
    if (!document.hidden) look();
  });

  // Requests the page and, if it has changed, all parts that are in view.
  var looking = false;
  function look() {
    var more = {};
    if (looking) return;
    looking = true;
    if (page && page.layout.length) {
      var near = Array.from(parts.keys()).filter(isNear);
      more = { known: page.version,
        part: near.map(function (element) { return parts.get(element).number; }) };
    }
    ask("/api/page", more).then(show, complain).then(function () { looking = false; });
  }

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.unitsearch = {
    look: function (ticks) {
      if (ticks) look();
      return window.dash_clientside.no_update;
    },
  };
  look(); // the first request does not wait until Dash is loaded
})(window.unitsearch);
