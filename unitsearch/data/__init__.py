"""Data sets. Nothing here imports torch; ``sets`` loads them and ``batches`` serves them."""

from unitsearch.data.spec import NAMES, DataSpec, Facts, available, data_spec, describe

__all__ = ["NAMES", "DataSpec", "Facts", "available", "data_spec", "describe"]
