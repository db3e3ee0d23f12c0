"""What a study leaves as files, and networks exported from it: tables, architectures, programs."""

from unitsearch.views.exports.leavings import write_leavings

__all__ = ["write_leavings"]
