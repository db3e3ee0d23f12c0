"""The dashboard: boards of studies, served live on this machine alone.

Dash is the host: its server carries the routes, and its ``Interval`` has the page ask every few
seconds whether the studies have changed. The figures are not Dash's: they are the report's, from
the same Python, drawn and linked by the same scripts, so that there is one way in which panels
look and behave, and a click or a brush never waits for a server. Nor does what is new go through
Dash's stores, which took a browser a fifth of each look.

Nothing here writes to a study, and nothing outside its folder is served.
"""

from unitsearch.views.live.server import Server, open_server

__all__ = ["Server", "open_server"]
