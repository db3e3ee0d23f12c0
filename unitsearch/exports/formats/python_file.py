"""Python files: a network as PyTorch source with its weights beside it."""

from __future__ import annotations

import io
import keyword
import re
import types
from pathlib import Path
from typing import TYPE_CHECKING

from unitsearch.errors import CheckError
from unitsearch.exports.formats.format import Files, Format, one_image_shape
from unitsearch.exports.formats.python_source import python_text

if TYPE_CHECKING:
    from unitsearch.exports.checks import Answer
    from unitsearch.exports.source_network import SourceNetwork


class PythonFile(Format):
    """The format ``python``."""

    description = "the network as PyTorch that a person can read, weights beside it"
    packages = "torch"
    needs_weights = False
    runtime = "the Python file, eager"

    def files(self, source: SourceNetwork) -> Files:
        """Return the module, and the state dict of a trained network."""
        import torch

        name = module_name(source.stem)
        weights = f"{name}.pt" if source.is_trained else None
        files = {f"{name}.py": python_text(source.architecture, weights).encode()}
        if weights is not None:
            content = io.BytesIO()
            torch.save(dict(source.network.state_dict()), content)
            files[weights] = content.getvalue()
        return files

    def read(self, source: SourceNetwork, folder: Path) -> Answer:
        """Return the answer of the module's network with the weights."""
        from unitsearch.exports.checks import module_answer

        path = folder / f"{module_name(source.stem)}.py"
        module = types.ModuleType(path.stem)
        module.__file__ = str(path)
        exec(compile(path.read_bytes(), path.name, "exec"), module.__dict__)  # our own text
        try:
            network = module.Network().eval()
            network.load_state_dict(source.network.state_dict())
            network = module.load() if source.is_trained else network
        except RuntimeError as error:
            reason = str(error).strip().partition("\n")[0]
            raise CheckError(f"{path.name}: does not take the weights ({reason})") from None
        return module_answer(path.name, str(module.KEY), network, source)

    def usage(self, source: SourceNetwork) -> str:
        """Return code that imports the module."""
        name = "load" if source.is_trained else "Network"
        return (
            f"import torch\nfrom {module_name(source.stem)} import {name}\n\n"
            f"network = {name}()\n"
            f"logits = network(torch.zeros({one_image_shape(source)}))\n"
        )


def module_name(stem: str) -> str:
    """Return a name for the Python file that can be imported and hides no other module."""
    name = re.sub(r"\W", "_", stem, flags=re.ASCII)
    is_fit = name.startswith("network") and name.isidentifier() and not keyword.iskeyword(name)
    return name if is_fit else f"network_{name}"
