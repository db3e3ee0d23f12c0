"""A headless Chromium driven over its debugging pipe: messages of JSON that end in a NUL."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from tests.waiting import DEADLINE

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_FLAGS = (
    "headless=new no-sandbox disable-quic no-first-run disable-background-networking"
    " disable-component-update disable-sync disable-default-apps disable-extensions"
    " remote-debugging-pipe disable-gpu enable-unsafe-swiftshader hide-scrollbars"
)
# The browser can reach this machine alone; a request to another one fails, and the test sees it.
_RULES = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"


# The only place that reads plotly's private fields: each page gets this object before its scripts.
_PLOT_STATE = """window.plotState = {
    // The traces as plotly has drawn them; undefined until it has.
    traces: div => div?._fullData,
    layout: div => div?._fullLayout,
    axis: (div, name) => div._fullLayout[name.replace(/^[xy]/, "$&axis")],
    // A value of an axis in pixels from the figure's left or top.
    pixel(div, name, value) {
        const axis = this.axis(div, name);
        return axis._offset + axis.d2p(value);
    },
    // A value of an axis as a share of its length.
    share(div, name, value) {
        const axis = this.axis(div, name);
        return axis.d2p(value) / axis._length;
    },
    // The area inside the axes: l and t from the figure's left and top, w and h.
    area: div => div._fullLayout._size,
};"""
ALL_DRAWN = "[...document.querySelectorAll('.plot')].every(plotState.traces)"


class BrowserError(Exception):
    """A command or a script failed in the browser."""


class Browser:
    """One Chromium, in which tests open and close pages."""

    def __init__(self, folder: Path, *flags: str) -> None:
        self.downloads = folder / "downloads"
        self.downloads.mkdir(parents=True)
        read_commands, self._to = _high(os.pipe())
        self._from, write_answers = _high(os.pipe())
        # the browser reads from descriptor 3 and writes to 4
        program = (
            f"import os, sys; os.dup2({read_commands}, 3); os.dup2({write_answers}, 4);"
            " os.execv(sys.argv[1], sys.argv[1:])"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, str(CHROMIUM), *(f"--{f}" for f in _FLAGS.split()),
             _RULES, f"--user-data-dir={folder / 'profile'}", *flags, "about:blank"],
            pass_fds=(read_commands, write_answers),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        os.close(read_commands)
        os.close(write_answers)
        self._answers: dict[int, SimpleQueue[dict[str, Any]]] = {}
        self._pages: dict[str, Page] = {}
        self._number = 0
        self._lock = threading.Lock()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(self.downloads))

    def call(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        """Send a command and return its result."""
        answer: SimpleQueue[dict[str, Any]] = SimpleQueue()
        with self._lock:
            self._number += 1
            number = self._number
            self._answers[number] = answer
            message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
            if session:
                message["sessionId"] = session
            _write(self._to, json.dumps(message).encode() + b"\0")
        try:
            reply = answer.get(timeout=2 * DEADLINE)
        except Empty:
            raise BrowserError(f"{method}: no answer in {2 * DEADLINE} s") from None
        if "error" in reply:
            raise BrowserError(f"{method}: {reply['error']['message']}")
        result: dict[str, Any] = reply["result"]
        return result

    @contextlib.contextmanager
    def page(self, width: int = 1400, height: int = 900, *, dark: bool = False) -> Iterator[Page]:
        """Open a page of that size and close it at the end."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = self._pages[session] = Page(self, session)
        page.prepare(width, height, dark=dark)
        try:
            yield page
        finally:
            self.call("Target.closeTarget", targetId=target)
            del self._pages[session]

    def close(self) -> None:
        """End the browser."""
        with contextlib.suppress(BrowserError):
            self.call("Browser.close")
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join(5)
        os.close(self._to)
        os.close(self._from)

    def _read(self) -> None:
        rest = b""
        while piece := os.read(self._from, 1 << 20):
            *messages, rest = (rest + piece).split(b"\0")
            for text in messages:
                message = json.loads(text)
                if "id" in message:
                    self._answers.pop(message["id"]).put(message)
                elif message.get("sessionId") in self._pages:
                    self._pages[message["sessionId"]].take(message["method"], message["params"])


class Page:
    """One page.

    Attributes:
        errors: Errors of the console and of the policy, and exceptions that no script caught.
        requests: The requested URLs, without those that hold their data themselves.
    """

    def __init__(self, browser: Browser, session: str) -> None:
        self.browser = browser
        self.session = session
        self.errors: list[str] = []
        self.requests: list[str] = []
        self._loaded = threading.Event()

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self.browser.call(method, self.session, **parameters)

    def prepare(self, width: int, height: int, *, dark: bool) -> None:
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        self.call("Page.addScriptToEvaluateOnNewDocument", source=_PLOT_STATE)
        self.size(width, height)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def size(self, width: int, height: int) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip

    def take(self, method: str, event: dict[str, Any]) -> None:
        """Record an event of the page."""
        match method:
            case "Runtime.exceptionThrown":
                details = event["exceptionDetails"]
                text = details.get("exception", {}).get("description", details["text"])
                self.errors.append(text)
            case "Runtime.consoleAPICalled" if event["type"] in ("error", "assert"):
                texts = [str(a.get("value", a.get("description"))) for a in event["args"]]
                self.errors.append(" ".join(texts))
            case "Log.entryAdded" if event["entry"]["level"] == "error":
                self.errors.append(f"{event['entry']['text']} {event['entry'].get('url', '')}")
            case "Network.requestWillBeSent":
                url = event["request"]["url"]
                if not url.startswith(("data:", "blob:", "about:")):
                    self.requests.append(url)
            case "Page.loadEventFired":
                self._loaded.set()

    def go(self, url: str) -> None:
        """Open ``url`` and wait until the page is loaded."""
        with self.loading():
            self.call("Page.navigate", url=url)

    @contextlib.contextmanager
    def loading(self) -> Iterator[None]:
        """Wait until the page that the block opens is loaded."""
        self._loaded.clear()
        yield
        assert self._loaded.wait(DEADLINE), "the page did not load"

    def run(self, expression: str) -> Any:
        """Return the value of a JavaScript expression, awaited if it is a promise."""
        reply = self.call(
            "Runtime.evaluate",
            expression=expression,
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        if "exceptionDetails" in reply:
            details = reply["exceptionDetails"]
            raise BrowserError(details.get("exception", {}).get("description", details["text"]))
        return reply["result"].get("value")

    def wait(self, condition: str, seconds: float = DEADLINE) -> None:
        """Wait until ``condition``, a JavaScript expression, is true."""
        self.run(f"""new Promise((done, fail) => {{
            const end = performance.now() + {1000 * seconds};
            (function look() {{
                let value = null;
                try {{ value = ({condition}); }} catch (error) {{ return fail(error); }}
                if (value) return done(true);
                if (performance.now() > end) {{
                    return fail(new Error("never: " + {json.dumps(condition)}));
                }}
                setTimeout(look, 20);
            }})();
        }})""")

    def click(self, x: float, y: float) -> None:
        """Move to a place of the window and click there."""
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.mouse(kind, x, y)

    def double_click(self, x: float, y: float) -> None:
        """Click twice in quick succession."""
        self.mouse("mouseMoved", x, y)
        for count in (1, 2):
            for kind in ("mousePressed", "mouseReleased"):
                self.mouse(kind, x, y, count=count)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Drag from one place of the window to another."""
        self.mouse("mouseMoved", *start)
        self.mouse("mousePressed", *start)
        for share in (0.3, 0.7, 1.0):
            x, y = (a + share * (b - a) for a, b in zip(start, end, strict=True))
            self.mouse("mouseMoved", x, y, held=True)
        self.mouse("mouseReleased", *end)

    def mouse(self, kind: str, x: float, y: float, *, held: bool = False, count: int = 1) -> None:
        press = kind in ("mousePressed", "mouseReleased")
        button = "left" if press or held else "none"
        more = {"clickCount": count} if press else {}
        down = 1 if held or kind == "mousePressed" else 0
        self.call(
            "Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, buttons=down, **more
        )

    def key(self, name: str) -> None:
        """Press and release a key: ``Escape``, ``Tab``, ``Enter``."""
        code = {"Escape": 27, "Tab": 9, "Enter": 13}[name]
        text = {"text": "\r"} if name == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            more = text if kind == "keyDown" else {}
            self.call(
                "Input.dispatchKeyEvent",
                type=kind, key=name, code=name, windowsVirtualKeyCode=code, **more,
            )  # fmt: skip

    def downloaded(self, act: Callable[[], None]) -> Path:
        """Return the file that ``act`` makes the browser download."""
        before = set(self.browser.downloads.iterdir())
        act()
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            new = set(self.browser.downloads.iterdir()) - before
            if new and all(path.suffix != ".crdownload" for path in new):
                return new.pop()
            self.run("new Promise(done => setTimeout(done, 20))")
        raise AssertionError("nothing was downloaded")

    def picture(self, path: Path) -> None:
        """Save a picture of the window as a PNG."""
        shot = self.call("Page.captureScreenshot", format="png")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(shot["data"]))


def _high(pair: tuple[int, int]) -> tuple[int, int]:
    """Move both ends of a pipe above the descriptors that the browser uses itself."""
    moved = []
    for end in pair:
        moved.append(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 20))
        os.close(end)
    return moved[0], moved[1]


def _write(to: int, data: bytes) -> None:
    while data:
        data = data[os.write(to, data) :]


def point(page: Page, figure: str, trial: int) -> tuple[float, float]:
    """Scroll to a figure and return the place in the window at which it shows ``trial``."""
    place = page.run(f"""(async (name, trial) => {{
        const div = document.querySelector(`[data-figure="${{name}}"]`);
        div.scrollIntoView({{block: "center", behavior: "instant"}});
        for (const _ of "12") await new Promise(requestAnimationFrame);
        const box = div.getBoundingClientRect();
        const number = one => String(one).split(":").pop();
        for (const t of plotState.traces(div)) {{
            if (t.visible !== true || !t.customdata || !t.xaxis || t.mode === "lines") continue;
            const i = Array.from(t.customdata).findIndex(one => number(one) === String(trial));
            if (i < 0) continue;
            return [box.left + plotState.pixel(div, t.xaxis, t.x[i]),
                box.top + plotState.pixel(div, t.yaxis, t.y[i])];
        }}
        for (const cloud of unitsearch.plots.of(div).clouds) {{
            const i = cloud.ids.findIndex(one => number(one) === String(trial));
            if (i >= 0) return [box.left + cloud.px[i], box.top + cloud.py[i]];
        }}
        return null;
    }})({json.dumps(figure)}, {trial})""")
    assert place is not None, f"{figure} does not show trial {trial}"
    return place[0], place[1]


def brush(page: Page, figure: str, start: float = 0.0, end: float = 0.5) -> list[int]:
    """Drag a box over a figure, by default its left half; return the trials that it dims."""
    box = page.run(f"""(async name => {{
        const div = document.querySelector(`[data-figure="${{name}}"]`);
        div.scrollIntoView({{block: "center", behavior: "instant"}});
        for (const _ of "12") await new Promise(requestAnimationFrame);
        const box = div.getBoundingClientRect(), area = plotState.area(div);
        return [box.left + area.l, box.top + area.t, area.w, area.h];
    }})({json.dumps(figure)})""")
    left, top, width, height = box
    page.run(f"""window.brushed = new Promise(done => document
        .querySelector("[data-figure={figure}]").once("plotly_selected", () => done(true))), 0""")
    page.drag((left + start * width + 3, top + 3), (left + end * width - 3, top + height - 3))
    page.run("window.brushed")
    return dimmed(page, figure)


# The numbers of the trials whose points are dimmed, in all traces.
_DIMMED = """(name => {
    const div = document.querySelector(`[data-figure="${name}"]`);
    const numbers = new Set();
    for (const point of div.querySelectorAll(".point.out")) {
        const index = point.parentNode.closest(".trace").__data__[0].trace.index;
        const trace = plotState.traces(div)[index];
        numbers.add(Number(String(trace.customdata[point.__data__.i]).split(":").pop()));
    }
    return Array.from(numbers).sort((a, b) => a - b);
})(%s)"""


def dimmed(page: Page, figure: str) -> list[int]:
    """Return the numbers of the trials that a figure shows faintly."""
    numbers: list[int] = page.run(_DIMMED % json.dumps(figure))
    return numbers
