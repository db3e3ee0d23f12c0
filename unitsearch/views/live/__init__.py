"""The dashboard: boards of studies, served live on this machine alone.

Dash is the host: its server carries the routes, its ``Location`` says which studies and which board
are asked for, and its ``Interval`` asks once a second whether they have changed, in a callback
whose answer a clientside function draws. The figures are not Dash's: they are the report's, from
the same Python, drawn and linked by the same scripts, so that there is one way in which panels
look and behave, and a click or a brush never waits for a server.

Nothing here writes to a study, and nothing outside its folder is served.
"""

from unitsearch.views.live.server import Server, open_server

__all__ = ["Server", "open_server"]
