// Draws what the dashboard's server says, and asks it for what is in view. Dash calls ``show`` with
// each new state of the page.
(function (u) {
  "use strict";
  var page = null; // what is shown
  var wanted = null; // what came last
  var busy = false;
  var parts = new Map(); // element -> {number, stale, drawn}
  var SHARE = 0.1; // of the time that drawing may take while a search runs, whose cores these are
  var REDRAWN = 0.003; // of the time that drawing a figure again may then take; new points are cheap
  var AHEAD = 400; // pixels before it comes into view that a part is first drawn
  var LONGEST = 1500; // milliseconds between two drawings at most, so that no trial waits for long
  var shown = {}; // HTML by the name of its place
  var given = {}; // parts that came with the page, by number
  var table = null; // settles once the trials are known, without which nothing can be brushed
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
    var at = id.lastIndexOf(":");
    return ask("/api/trial", { study: id.slice(0, at), number: id.slice(at + 1) });
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
      var rest = Math.min((performance.now() - began) / SHARE, LONGEST);
      setTimeout(function () {
        busy = false;
        work();
      }, rest);
    });
  }

  function complain(error) {
    var said = document.createElement("p");
    said.className = "problem";
    said.setAttribute("role", "alert");
    said.textContent = String(error.message || error);
    document.getElementById("head").replaceChildren(said);
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

  // Puts new HTML in a place; a select that is being used is left alone.
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

  // Whether a part is near enough to be filled: one that is empty a little before it comes into
  // view, one that has become old not until it does.
  function isNear(element) {
    var box = element.getBoundingClientRect(), ahead = parts.get(element).drawn ? 0 : AHEAD;
    return box.top < window.innerHeight + ahead && box.bottom > -ahead;
  }

  function isDue(element) { return parts.get(element).stale && isNear(element); }

  function askPart(number) {
    var found = given[number];
    delete given[number]; // drawing changes it
    return found ? Promise.resolve(found) : ask("/api/part/" + number);
  }

  // Fills the parts that are due from the top down; one is drawn while the next is asked for.
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
  // A page that nobody sees asks for nothing.
  document.addEventListener("visibilitychange", function () {
    if (window.dash_clientside.set_props) {
      window.dash_clientside.set_props("clock", { disabled: document.hidden });
    }
    if (!document.hidden) look();
  });

  // Asks for the page and, should it have changed, with it for all that is in view.
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
  look(); // the first does not wait for Dash to be loaded
})(window.unitsearch);
