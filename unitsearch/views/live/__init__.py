"""The dashboard: boards of studies, served live on this machine alone.

Dash's server carries the routes, and its ``Interval`` makes the page ask every few seconds whether
the studies have changed. The figures are the report's, not Dash's: the same Python computes them
and the same scripts draw and link them, so panels look and behave alike in both, and a click or a
brush never waits for the server. New data do not pass through Dash's stores either, which took a
browser a fifth of the time of each request.

Nothing here writes to a study, and no file outside its folder is served.
"""

from unitsearch.views.live.server import Server, open_server

__all__ = ["Server", "open_server"]
