"""The stopping rules: which training ends before its last epoch.

Each rule that ships is a module here, with a YAML file of the same name in ``conf/stopping``;
nothing else names it.
"""

from unitsearch.search.stopping.protocol import StoppingRule, check_bars

__all__ = ["StoppingRule", "check_bars"]
