"""Slices by name, and names that are none."""

import pytest

from t5x.errors import ConfigError
from t5x.hardware import CHIPS, known_topologies, parse_topology


@pytest.mark.parametrize(
    ("name", "chips", "host"),
    [
        ("v5e:1x1", 1, (1, 1, 1)),
        ("v5e:2x4", 8, (2, 2, 1)),
        ("V6E:16x16", 256, (2, 2, 1)),
        ("v4:2x2x1", 4, (2, 2, 1)),
        ("v5p:4x4x16", 256, (2, 2, 1)),
        ("v5p:8x8x8", 512, (2, 2, 1)),
        ("h100:8", 8, (2, 2, 1)),
    ],
)
def test_slices(name, chips, host):
    topology = parse_topology(name)
    assert (topology.chips, topology.host_shape, topology.name) == (chips, host, name.lower())


def test_several_slices():
    assert parse_topology("v5e:4x4", slices=3).chips == 48


@pytest.mark.parametrize("chip", CHIPS.values(), ids=CHIPS)
def test_what_is_listed_is_known(chip):
    names = known_topologies(chip)
    sizes = [parse_topology(name).chips for name in names]
    assert sizes[0] == 1
    assert sizes == sorted(set(sizes))
    assert sizes[-1] == (256 if chip.is_tpu else 8)


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("v5e:2x", "'v5e:2x2'"),
        ("v5e-2x4", "'v5e:2x4'"),
        ("v5:2x2x4", "'v5p:2x2x4'"),
        ("h1000:8", "'h100:8'"),
        ("h100:16", "'h100:1'"),
        ("v5e:32x16", "'v5e:8x16'"),
        ("v5p:2x2", "'v5p:2x2x"),
        ("v5e:3x4", "'v5e:4x4'"),
    ],
)
def test_a_slip_of_the_pen(wrong, meant):
    with pytest.raises(ConfigError) as refused:
        parse_topology(wrong)
    first, *listed = refused.value.message.splitlines()
    assert f"There is no slice --topology={wrong}." in first
    assert meant in first
    assert [line.split(":")[0].strip() for line in listed] == list(CHIPS)


@pytest.mark.parametrize(("name", "slices"), [("v5e:2x4", 0), ("h100:8", 2)])
def test_slices_that_are_not_looked_at(name, slices):
    with pytest.raises(ConfigError, match=f"--slices={slices} of {name}"):
        parse_topology(name, slices)
