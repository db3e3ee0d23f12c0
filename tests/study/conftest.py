"""The fixtures of ``real_studies``, whose helpers the tests import by that name."""

from real_studies import copy, driver, killed, killed_copy, straight

__all__ = ["copy", "driver", "killed", "killed_copy", "straight"]
