"""What a study leaves as files: tables, architectures, weights."""

from unitsearch.views.exports.export import Exported, export, export_architectures
from unitsearch.views.exports.leavings import write_leavings

__all__ = ["Exported", "export", "export_architectures", "write_leavings"]
