"""The samplers: which architecture is tried next.

Each sampler that ships is a module here, with a YAML file of the same name in ``conf/sampler``;
nothing else names it.
"""

from unitsearch.search.samplers.protocol import Sampler

__all__ = ["Sampler"]
