"""What a study leaves as files, and networks exported from it: tables, architectures, programs."""

from unitsearch.exports.outputs import write_outputs

__all__ = ["write_outputs"]
