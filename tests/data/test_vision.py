from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import unitsearch
from unitsearch.data.vision import torchvision


def test_torchvision_s_data_sets_transforms_and_models_work() -> None:
    vision = torchvision()
    assert vision is torchvision()
    assert vision.datasets.ImageFolder
    assert vision.transforms.ToTensor
    assert vision.models.resnet18


@pytest.mark.slow
def test_loading_a_set_that_needs_no_torchvision_does_not_import_it() -> None:
    program = (
        "import sys; from unitsearch.data import data_spec; from unitsearch.data.sets import load;"
        "load(data_spec('digits'));"
        "sys.exit(any(name in sys.modules for name in ('torchvision', 'sklearn', 'PIL')))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_no_other_module_imports_torchvision() -> None:
    package = Path(unitsearch.__file__).parent
    importing = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if re.search(r"^\s*(import|from) torchvision|module\(.torchvision", path.read_text(), re.M)
    }
    assert importing == {"data/vision.py"}
