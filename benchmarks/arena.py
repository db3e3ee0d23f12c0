"""Compare the exact activation memory with the arena that TensorFlow Lite Micro takes.

Command:  python -m benchmarks.arena            (needs the extra litert; four minutes on one core)
          python -m benchmarks.arena --form runs
Prints:   for each of 20 networks in int8: activation_bytes; the copies that files need and the closed
          form does not count (padding, shares of a split, the image); the arena's part for
          activations; its fixed part; what is left unexplained; and one JSON line
Expected: with stacks masked nothing is left: the part for activations is activation_bytes and the
          copies, to 16 bytes a tensor. The fixed part grows with tensors and operations (at 8 bytes
          a pointer; microcontrollers have 4) and is what puts small networks over 10 %
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
from unitsearch.exports.lite.flatbuffer import Operation, lean, operations
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
COPIES = ("PAD", "SLICE", "SPLIT", "TRANSPOSE", "CONCATENATION")
NEAR = 0.1


def networks() -> list[tuple[str, Architecture]]:
    """Return the networks by name: points of spaces and random members."""
    found = [(name, point_architecture(name)) for name in NAMED]
    for name, number in DRAWN.items():
        space, choose = bound_space(name), at_random(random.Random(0))
        found += [(f"{name} #{i}", draw(space, choose)[1]) for i in range(number)]
    return found


def copies(held: list[Operation], activation_bytes: int) -> int:
    """Return by how many bytes copies raise the peak, each beside what it is copied from or to.

    The operations in order are followed as ``activation_bytes`` follows layers; a file of a network
    in a row needs no more than this.
    """
    peak = 0
    for operation in held:
        if operation.name != "RESHAPE":
            entering = math.prod(operation.inputs[0])
            peak = max(peak, entering + sum(map(math.prod, operation.outputs)))
    return peak - activation_bytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--form", choices=("runs", "masked"), default="masked")
    given = parser.parse_args()
    rows = []
    print(f"{'network':22}{'exact':>9}{'copies':>8}{'arena':>9}{'= part':>9}{'+ fixed':>8}"
          f"{'left':>7}{'arena/exact':>13}")  # fmt: skip
    for name, architecture in networks():
        source = untrained_network("net", architecture)
        samples = channels_last(source.images.numpy())
        named = converted(lowered(source.network, given.form), architecture.input)
        content = lean(quantized(named, samples), "benchmark")
        exact = source.cost.activation_bytes
        _, arena = run_micro(content, samples[:1], exact)
        held = operations(content)
        row = {
            "network": name,
            "activation_bytes": exact,
            "copies": copies(held, exact),
            "arena": arena.total,
            "activations": arena.activations,
            "fixed": arena.fixed,
            "bytes": len(content),
            "operations": len(held),
        }
        row["left"] = arena.activations - exact - int(row["copies"])
        rows.append(row)
        print(f"{name:22}{exact:9,}{row['copies']:8,}{arena.total:9,}{arena.activations:9,}"
              f"{arena.fixed:8,}{row['left']:7,}{arena.total / exact:13.3f}")  # fmt: skip
    near = sum(abs(int(r["arena"]) / int(r["activation_bytes"]) - 1) <= NEAR for r in rows)
    part = sum(abs(int(r["activations"]) / int(r["activation_bytes"]) - 1) <= NEAR for r in rows)
    print(f"{near} of {len(rows)} arenas within 10 % of the exact number; {part} of their parts for "
          "activations")  # fmt: skip
    print(json.dumps({"form": given.form, "rows": rows}))


if __name__ == "__main__":
    main()
