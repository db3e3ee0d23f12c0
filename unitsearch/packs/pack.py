"""A pack: several networks of one skeleton as one, their parameters in one row.

Members share no parameter: each has channels, parameters, statistics and a loss of its own, so the
gradient of the sum of the losses holds each member's own gradient.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from unitsearch.architecture import Architecture, canonical
from unitsearch.errors import UsageError
from unitsearch.packs import unit_kernel
from unitsearch.packs.pack_execution import Tensors, run
from unitsearch.packs.pack_layout import Spans
from unitsearch.packs.pack_lowering import lower_to_pack
from unitsearch.packs.skeletons import difference, skeleton


class Pack:
    """Networks that run and train side by side.

    Attributes:
        architectures: The members' architectures, canonical.
        program: The steps that map the images of all members to their logits.
        weights: All parameters in one row: a leaf that requires its gradient.
        member_of: int64 [parameters], for each parameter the member that it belongs to.
        means: All running means in one row.
        variances: All running variances in one row.
        memory_format: The memory format of images with which the pack is fastest.
    """

    def __init__(
        self,
        architectures: Sequence[Architecture],
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        kernel: bool | None = None,
    ) -> None:
        """Make a pack of zero parameters; ``load`` then copies each member's.

        Args:
            architectures: One for each member, of one skeleton.
            device: The device that the pack runs on.
            dtype: The type of parameters and statistics.
            kernel: Whether narrow convolutions run in the unit kernel (needs Triton); on CUDA with
                Triton unless given.

        Raises:
            UsageError: If there is no member, or their skeletons differ.
            SpecError: If a member has a layer of a kind that packs do not support.
        """
        if not architectures:
            raise UsageError(place="members", found=0, expected="one or more")
        self.architectures = tuple(map(canonical, architectures))
        first, *others = map(skeleton, self.architectures)
        for i, other in enumerate(others, 1):
            if other != first:
                fix = "group architectures with unitsearch.packs.groups"
                raise UsageError(f"member {i} does not fit: {difference(other, first)}", fix=fix)
        if kernel is None:
            kernel = torch.device(device).type == "cuda" and unit_kernel.is_installed()
        self._unit_kernel = unit_kernel.load() if kernel else None
        # grouped convolutions are fastest channels last; the unit kernel reads along rows of pixels
        self.memory_format = torch.contiguous_format if kernel else torch.channels_last
        self.program, self._layout = lower_to_pack(self.architectures, unit_kernel=kernel)
        size, channels = sum(self._layout.parts), sum(self._layout.stats)
        self.weights = torch.zeros(size, device=device, dtype=dtype, requires_grad=True)
        self.means = torch.zeros(channels, device=device, dtype=dtype)
        self.variances = torch.ones(channels, device=device, dtype=dtype)
        self._tables = [torch.from_numpy(table).to(device) for table in self._layout.tables]
        self._member_places: dict[int, tuple[Tensor, Tensor]] = {}
        members = torch.empty(size, dtype=torch.int64)
        for m, spans in enumerate(self._layout.parameters):
            members[_index(spans, spans)] = m
        self.member_of = members.to(device)

    def __len__(self) -> int:
        return len(self.architectures)

    def __call__(self, x: Tensor, *, training: bool) -> Tensor:
        """Return the logits [images, members, classes].

        Args:
            x: Images of each member in turn, [images, members · channels, height, width].
            training: Whether norms use the batch's statistics and update the running ones.
        """
        tensors = Tensors(
            torch.split(self.weights, self._layout.parts),
            torch.split(self.means, self._layout.stats),
            torch.split(self.variances, self._layout.stats),
            self._tables,
            self._unit_kernel,
        )
        logits = run(self.program, x, tensors, training=training)
        return logits.reshape(len(x), len(self), -1)

    def load(self, member: int, network: nn.Module) -> None:
        """Copy the parameters and statistics of ``network`` into the pack, as those of a member."""
        rows, channels = self._places(member, network)
        with torch.no_grad():
            self.weights[rows] = _row(dict(network.named_parameters()), self.weights)
            if len(channels):
                state = network.state_dict()
                names = self._layout.running[member]
                for values, kind in ((self.means, "mean"), (self.variances, "var")):
                    wanted = {name: state[f"{name}.running_{kind}"] for name in names}
                    values[channels] = _row(wanted, values)

    def save(self, member: int, network: nn.Module) -> None:
        """Copy a member's parameters and statistics to ``network``."""
        rows, channels = self._places(member, network)
        with torch.no_grad():
            _spread(self.weights.detach()[rows], dict(network.named_parameters()))
            state = network.state_dict()
            names = self._layout.running[member]
            for values, kind in ((self.means, "mean"), (self.variances, "var")):
                _spread(values[channels], {name: state[f"{name}.running_{kind}"] for name in names})

    def rows(self, member: int, network: nn.Module) -> Tensor:
        """Return the places of a member's parameters in the row, in the network's order."""
        return self._places(member, network)[0]

    def _places(self, member: int, network: nn.Module) -> tuple[Tensor, Tensor]:
        if member not in self._member_places:
            names = [name for name, _ in network.named_parameters()]
            parameters, running = self._layout.parameters[member], self._layout.running[member]
            device = self.weights.device
            self._member_places[member] = (
                _index(parameters, names).to(device),
                _index(running, running).to(device),
            )
        return self._member_places[member]


def _index(spans: Spans, names: Sequence[str] | Spans) -> Tensor:
    """Return the places of named tensors, the units of each in their order."""
    assert set(spans) == set(names), set(spans) ^ set(names)
    places = [torch.zeros(0, dtype=torch.int64)]
    for name in names:
        places += [torch.arange(first, first + size) for _, first, size in sorted(spans[name])]
    return torch.cat(places)


def _row(tensors: Mapping[str, Tensor], like: Tensor) -> Tensor:
    return torch.cat([tensor.detach().flatten() for tensor in tensors.values()]).to(like)


def _spread(row: Tensor, tensors: Mapping[str, Tensor]) -> None:
    """Copy a row of numbers into tensors, one after the other."""
    if not tensors:
        return
    row = row.to(next(iter(tensors.values())).device)  # one copy from the device, not many
    parts = torch.split(row, [tensor.numel() for tensor in tensors.values()])
    for tensor, part in zip(tensors.values(), parts, strict=True):
        tensor.copy_(part.view(tensor.shape))
