"""Who may ask the dashboard, and what a page of it may do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask, Response

# The page may load and ask for what this server has, and nothing else; plotly compiles its WebGL
# shaders' wrappers and writes styles.
_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-eval'{hashes}; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def guard(server: Flask, port: Callable[[], int], hashes: Sequence[str]) -> None:
    """Let ``server`` answer this machine's own pages alone.

    A name that is not this machine's is refused: another site may give its own name our address
    (DNS rebinding). So is what other sites' pages ask for.

    Args:
        server: The server.
        port: Where it listens, once it does.
        hashes: Of the scripts that stand in the page itself.
    """
    from flask import abort, request

    policy = _POLICY.format(hashes="".join(f" {one}" for one in hashes))

    def check() -> None:
        if request.host not in (f"127.0.0.1:{port()}", f"localhost:{port()}"):
            abort(403, "asked under a name that is not this machine's")
        if request.method not in ("GET", "HEAD", "POST"):
            abort(405)
        own = ("same-origin", "none")
        asked_by = request.headers.get("Sec-Fetch-Site", "none")
        if asked_by not in own and request.headers.get("Sec-Fetch-Mode") != "navigate":
            abort(403, "asked by another site")

    def seal(response: Response) -> Response:
        response.headers.update(_HEADERS)
        response.headers["Content-Security-Policy"] = policy
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    server.before_request(check)
    server.after_request(seal)
