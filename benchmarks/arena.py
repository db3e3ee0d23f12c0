"""Compare the exact activation memory with the arena that TensorFlow Lite Micro takes.

Command:  python -m benchmarks.arena            (needs the extra litert; two minutes on one core)
          python -m benchmarks.arena --form runs
Prints:   for each of 20 networks in int8 the terms of its arena: activation_bytes; copies (padding
          that a convolution cannot do itself, shares of a split); left (what the terms before do
          not explain); then the fixed part: descriptions of tensors and of operations, the
          operations' own data, the interpreter's; and one JSON line
Expected: with stacks masked nothing is left: activations take activation_bytes and the copies, to
          16 bytes a tensor. The fixed part (3 to 6 kB at 8 bytes a pointer, of which
          microcontrollers have 4) puts small networks over 10 %. In runs, what is left is lost by
          the planner of memory, or gained by the order of the runs
Method:   random weights, ranges from 16 fixed random images; the arena is what the interpreter of
          TensorFlow Lite Micro reports, which is the least with which it starts
"""

from __future__ import annotations

import argparse
import json
import math
import random

from unitsearch.api import bound_space, point_architecture
from unitsearch.architecture import Architecture
from unitsearch.exports.lite.converting import converted, quantized
from unitsearch.exports.lite.flatbuffer import LiteOperation, lean, operations
from unitsearch.exports.lite.lowering import lowered
from unitsearch.exports.lite.making import channels_last
from unitsearch.exports.lite.micro import run_micro
from unitsearch.exports.loading import untrained_network
from unitsearch.space import at_random, draw

NAMED = (
    "lenet_table1:U1", "lenet_table1:U2", "lenet_table1:U3", "lenet_table1:Hybrid1",
    "lenet_table1:Hybrid2", "lenet_hybrid:hybrid", "toy_hybrid:No.1", "toy_hybrid:No.7",
    "toy_hybrid:baseline", "mlp:n4",
)  # fmt: skip
DRAWN = {"lenet_hybrid": 5, "toy_hybrid": 5}
NEAR = 0.1


def networks() -> list[tuple[str, Architecture]]:
    """Return the networks by name: points of spaces and random members."""
    found = [(name, point_architecture(name)) for name in NAMED]
    for name, number in DRAWN.items():
        space, choose = bound_space(name), at_random(random.Random(0))
        found += [(f"{name} #{i}", draw(space, choose)[1]) for i in range(number)]
    return found


def copies(held: list[LiteOperation], activation_bytes: int) -> int:
    """Return by how many bytes operations that are no layers raise the peak of a row of operations.

    A reshape counts as a view, as in ``activation_bytes``. Below 0 where less lives at one time
    than with all units of a stack together.
    """
    peak = 0
    for operation in held:
        if operation.name != "RESHAPE":
            entering = math.prod(operation.inputs[0])
            peak = max(peak, entering + sum(map(math.prod, operation.outputs)))
    return peak - activation_bytes


def terms(architecture: Architecture, form: str) -> dict[str, int]:
    """Return the terms of the arena of a network in int8."""
    source = untrained_network("net", architecture)
    samples = channels_last(source.images.numpy())
    named = converted(lowered(source.network, form), architecture.input)
    content = lean(quantized(named, samples), "benchmark")
    exact = source.cost.activation_bytes
    _, arena = run_micro(content, samples[:1], exact)
    held = operations(content)
    more, kinds = copies(held, exact), arena.kinds
    left = arena.activations - exact - more
    tensors = sum(size for kind, size in kinds.items() if "Tensor" in kind)
    nodes = kinds.get("NodeAndRegistration struct", 0)
    data = kinds.get("Persistent buffer data", 0)
    return {
        "exact": exact,
        "copies": more,
        "left": 0 if 0 <= left < 16 * len(held) else left,
        "tensors": tensors,
        "operations": nodes,
        "data": data,
        "rest": arena.fixed - tensors - nodes - data,
        "arena": arena.total,
        "activations": arena.activations,
        "flash": len(content),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--form", choices=("runs", "masked"), default="masked")
    given = parser.parse_args()
    rows = []
    heads = ("exact", "copies", "left", "tensors", "operations", "data", "rest", "arena", "ratio")
    print(f"{'network':22}" + "".join(f"{head:>11}" for head in heads))
    for name, architecture in networks():
        row = terms(architecture, given.form)
        rows.append({"network": name, **row})
        numbers = "".join(f"{row[head]:11,}" for head in heads[:-1])
        print(f"{name:22}{numbers}{row['arena'] / row['exact']:11.3f}", flush=True)
    near = sum(row["arena"] <= (1 + NEAR) * row["exact"] for row in rows)
    part = sum(abs(row["activations"] / row["exact"] - 1) <= NEAR for row in rows)
    explained = sum(row["left"] == 0 for row in rows)
    print(
        f"of {len(rows)}: {near} arenas within 10 % of the exact number; {part} where the part for"
    )
    print(f"activations is within 10 %; {explained} explained to 16 bytes a tensor")
    print(json.dumps({"form": given.form, "rows": rows}))


if __name__ == "__main__":
    main()
