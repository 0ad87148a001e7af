"""How fast a chip could run a program at best: its arithmetic, its memory, links, network."""

from __future__ import annotations

import dataclasses

from t5x.compiled_costs import Costs
from t5x.hardware import Chip


@dataclasses.dataclass(frozen=True)
class Roofline:
    """Seconds that a chip needs for a program at its stated rates.

    Attributes:
        products: for matrix products and kernels, were the rest free.
        hbm: for the bytes that move to and from HBM, likewise.
        links: for what leaves it, over all its links at once, likewise.
        network: for what leaves its slice, likewise; 0 where the network's rate is not known.
        instructions: each instruction as long as the slower of its arithmetic and its memory takes,
            one after another, as they run.
    """

    products: float
    hbm: float
    links: float
    network: float
    instructions: float

    @property
    def seconds(self) -> float:
        """Of the program: exchanges go on beside the instructions, which wait for each other."""
        return max(self.instructions, self.links, self.network)

    @property
    def bound_by(self) -> str:
        """What most of the time goes into."""
        if self.network >= max(self.instructions, self.links):
            return "the network between slices"
        if self.links >= self.instructions:
            return "links"
        return "FLOPs" if self.products >= self.hbm else "HBM"


def roofline(costs: Costs, chip: Chip) -> Roofline:
    """Returns what the chip's rates allow (Williams, Waterman, Patterson, "Roofline", 2009).

    Latencies, elementwise arithmetic and what keeps a product from the peak are left out: a real
    step takes longer.

    Args:
        costs: of a program, on one device.
        chip: that the device is.
    """
    return Roofline(
        products=costs.flops / chip.flops,
        hbm=costs.hbm_bytes / chip.hbm_bandwidth,
        links=costs.link_bytes / chip.link_bandwidth,
        network=costs.network_bytes / chip.network_bandwidth if chip.network_bandwidth else 0.0,
        instructions=sum(
            i.times * max(i.flops / chip.flops, i.hbm_bytes / chip.hbm_bandwidth)
            for i in costs.instructions
        ),
    )
