"""Meshes and rules, and what cannot be."""

import dataclasses

import jax
import pytest
from jax.sharding import PartitionSpec

from t5x.partitioning import PjitPartitioner, standard_logical_axis_rules


@pytest.mark.parametrize(
    ("num_partitions", "shape"), [(1, (8, 1)), (2, (4, 2)), (4, (2, 4)), (8, (1, 8))]
)
def test_the_mesh_has_a_data_and_a_model_axis(num_partitions, shape):
    mesh = PjitPartitioner(num_partitions=num_partitions).mesh
    assert dict(mesh.shape) == {"data": shape[0], "model": shape[1]}


def test_a_submesh_is_its_product():
    assert PjitPartitioner(model_parallel_submesh=(2, 1, 1, 2)).mesh.shape["model"] == 4


def test_partitions_that_do_not_divide_the_devices():
    with pytest.raises(ValueError, match="num_partitions=3 does not divide the 8 cpu devices"):
        PjitPartitioner(num_partitions=3)


def test_contradicting_partitions():
    with pytest.raises(ValueError, match="num_partitions=2 contradicts"):
        PjitPartitioner(num_partitions=2, model_parallel_submesh=(4, 1, 1, 1))


@pytest.mark.parametrize(
    ("activation_dims", "parameter_dims", "expected"),
    [
        (1, 1, PartitionSpec(None, "model")),
        (2, 1, PartitionSpec(None, "model")),
        (1, 2, PartitionSpec("data", "model")),
        (2, 2, PartitionSpec("data", "model")),
    ],
)
def test_rules_for_a_feed_forward_kernel(activation_dims, parameter_dims, expected):
    partitioner = PjitPartitioner(
        num_partitions=2,
        logical_axis_rules=standard_logical_axis_rules(activation_dims, parameter_dims),
    )
    assert partitioner._spec(("embed", "mlp"), (16, 32)) == expected


def test_additional_rules_come_last():
    rules = standard_logical_axis_rules(additional_rules=[("expert", "data"), ("mlp", None)])
    assert rules[-2:] == [("expert", "data"), ("mlp", None)]
    assert rules.index(("mlp", "model")) < len(rules) - 2


def test_dimensions_of_partitioning_are_one_or_two():
    with pytest.raises(ValueError, match="got 3 and 1"):
        standard_logical_axis_rules(activation_partitioning_dims=3)


def test_an_axis_that_does_not_divide_stays_whole():
    partitioner = PjitPartitioner(num_partitions=8)
    assert partitioner._spec(("heads", "relpos_buckets"), (6, 32)) == PartitionSpec(None, None)


def test_data_layout():
    layout = PjitPartitioner(num_partitions=2).get_data_layout(16)
    assert (layout.batch_size, layout.shard_id, layout.num_shards) == (16, 0, 1)
    assert layout.is_first_host_in_replica_set


def test_a_batch_that_the_mesh_does_not_divide():
    with pytest.raises(ValueError, match=r"Batch size 6 .* data axis of the mesh, 8"):
        PjitPartitioner().get_data_layout(6)


def test_a_backend_that_is_not_here():
    with pytest.raises(ValueError, match=r"backend='tpu', which JAX does not find on this machine"):
        PjitPartitioner(backend="tpu")


def test_a_mesh_given_by_its_shape():
    assert dict(PjitPartitioner(ici_mesh_shape=(4, 2)).mesh.shape) == {"data": 4, "model": 2}


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ({"ici_mesh_shape": (4, 1)}, r"ici_mesh_shape=\(4, 1\) needs 4 devices, there are 8"),
        ({"ici_mesh_shape": (8,)}, r"ici_mesh_shape=\(8,\) must have two numbers"),
        ({"dcn_mesh_shape": (2, 1)}, r"dcn_mesh_shape=\(2, 1\) .* set ici_mesh_shape too"),
    ],
)
def test_mesh_shapes_that_cannot_be(shapes, message):
    with pytest.raises(ValueError, match=message):
        PjitPartitioner(**shapes)


@dataclasses.dataclass(frozen=True)
class Device:
    """What a mesh asks of a device, on machines that are not here."""

    id: int
    process_index: int
    slice_index: int | None = None
    platform: str = "gpu"
    device_kind: str = "any"


def devices_of(processes=4, slices=2, **kind):
    """Two devices a process, the processes divided among the slices."""
    slice_of = lambda process: process * slices // processes if slices else None  # noqa: E731
    return [Device(i, i // 2, slice_of(i // 2), **kind) for i in range(2 * processes)]


def mesh_of(devices, **shapes):
    return [
        [device.id for device in row]
        for row in PjitPartitioner(devices=devices, **shapes).mesh.devices
    ]


def test_slices_are_joined_as_the_mesh_across_them_says():
    shapes = {"ici_mesh_shape": (2, 2), "dcn_mesh_shape": (2, 1)}
    assert mesh_of(devices_of(), **shapes) == [[0, 1], [2, 3], [4, 5], [6, 7]]
    shapes = {"ici_mesh_shape": (4, 1), "dcn_mesh_shape": (1, 2)}
    assert mesh_of(devices_of(), **shapes) == [[0, 4], [1, 5], [2, 6], [3, 7]]
    assert mesh_of(devices_of()[::-1], **shapes) == [[0, 4], [1, 5], [2, 6], [3, 7]]


def test_processes_are_the_slices_of_devices_that_have_none():
    shapes = {"ici_mesh_shape": (1, 2), "dcn_mesh_shape": (4, 1)}
    assert mesh_of(devices_of(slices=None), **shapes) == [[0, 1], [2, 3], [4, 5], [6, 7]]
    # All GPUs of one machine are one slice to JAX, however many processes have them.
    assert mesh_of(devices_of(slices=1), **shapes) == [[0, 1], [2, 3], [4, 5], [6, 7]]
    shapes = {"ici_mesh_shape": (1, 2), "dcn_mesh_shape": (2, 2)}
    assert mesh_of(devices_of(slices=None), **shapes) == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_without_shapes_slices_are_on_the_data_axis():
    assert mesh_of(devices_of(), num_partitions=2) == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert mesh_of(devices_of(), num_partitions=8) == [[0, 1, 2, 3, 4, 5, 6, 7]]


@pytest.mark.parametrize(
    ("devices", "shapes", "message"),
    [
        (
            devices_of(),
            {"ici_mesh_shape": (2, 1), "dcn_mesh_shape": (4, 1)},
            r"dcn_mesh_shape=\(4, 1\) joins 4 slices, there are 2",
        ),
        (
            devices_of(slices=None),
            {"ici_mesh_shape": (2, 2), "dcn_mesh_shape": (2, 1)},
            r"dcn_mesh_shape=\(2, 1\) joins 2 processes, there are 4",
        ),
        (
            devices_of(),
            {"ici_mesh_shape": (2, 1), "dcn_mesh_shape": (2, 1)},
            r"ici_mesh_shape=\(2, 1\) needs 2 devices of each of the 2 slices, which have 4",
        ),
        (
            devices_of(platform="tpu"),
            {"num_partitions": 8},
            r"num_partitions=8 does not divide the 4 chips of each of the 2 TPU slices",
        ),
        (
            devices_of(platform="tpu"),
            {"ici_mesh_shape": (8, 1)},
            r"ici_mesh_shape=\(8, 1\) .* a TPU slice, of which there are 2: .* dcn_mesh_shape",
        ),
    ],
)
def test_slices_that_cannot_be_joined_so(devices, shapes, message):
    with pytest.raises(ValueError, match=message):
        PjitPartitioner(devices=devices, **shapes)


def test_batches_are_split_by_rows():
    partitioner = PjitPartitioner(num_partitions=2)
    batch = partitioner.shard_batch({"x": jax.numpy.arange(16).reshape(8, 2)})
    assert batch["x"].addressable_shards[0].data.shape == (2, 2)


def test_compiler_options_reach_the_compiler_and_unknown_ones_are_left_out(caplog):
    options = {"xla_no_such_option": 1, "xla_backend_optimization_level": 0}
    partitioner = PjitPartitioner(compiler_options=options)
    assert partitioner.compiler_options == {"xla_backend_optimization_level": 0}
    assert "XLA is not given xla_no_such_option=1" in caplog.text
    assert partitioner.partition(lambda x: x + 1)(1) == 2
