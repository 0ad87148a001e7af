"""Who holds what: a mesh of devices, and rules from logical axis names to its axes.

The mesh has two axes, `data` and `model`. A parameter `[embed, mlp]` whose rules say
`mlp -> model` is split by columns over the model axis; rules that also name `data` spread
parameters and optimizer state over all devices (fully sharded data parallelism).
Everything is `jax.jit` with `NamedSharding`; there is no other mechanism.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import jax
import numpy as np
from absl import logging
from flax.linen import partitioning as flax_partitioning
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from t5x.errors import ConfigError
from t5x.meshes import HardwareMesh, make_mesh
from t5x.optimizers import Tree
from t5x.train_state import FlaxOptimTrainState

LogicalAxisRules = Sequence[tuple[str, str | None]]
CompilerOptions = Mapping[str, str | bool | int | float]


@dataclasses.dataclass(frozen=True)
class DataLayout:
    """Which part of every global batch this host feeds.

    Attributes:
        batch_size: rows of the global batch.
        shard_id: the part this host reads.
        num_shards: parts the data is divided into.
        is_first_host_in_replica_set: whether this host, of those that read the same part, is the
            one that may write results for it.
    """

    batch_size: int
    shard_id: int
    num_shards: int
    is_first_host_in_replica_set: bool


_devices_in_place: ContextVar[Sequence[jax.Device] | None] = ContextVar("devices", default=None)


@contextmanager
def in_place_of_own(devices: Sequence[jax.Device]) -> Iterator[None]:
    """Gives the partitioners that are made inside other devices than this machine's.

    Args:
        devices: such as those of a TPU slice that is compiled for from afar.
    """
    token = _devices_in_place.set(devices)
    try:
        yield
    finally:
        _devices_in_place.reset(token)


def standard_logical_axis_rules(
    activation_partitioning_dims: int = 1,
    parameter_partitioning_dims: int = 1,
    additional_rules: LogicalAxisRules | None = None,
) -> list[tuple[str, str | None]]:
    """Returns the rules for the T5 network.

    Args:
        activation_partitioning_dims: 2 also splits the activations' embed axis over `model`.
        parameter_partitioning_dims: 2 also splits the parameters' embed axis over `data`.
        additional_rules: appended; the first rule whose mesh axis is free in an array wins.

    Raises:
        ValueError: a number of dimensions other than 1 or 2.
    """
    embed_axes: dict[tuple[int, int], list[str | None]] = {
        (1, 1): [None],
        (2, 1): ["model"],
        (1, 2): ["data"],
        (2, 2): ["model", "data"],
    }
    dims = (activation_partitioning_dims, parameter_partitioning_dims)
    if dims not in embed_axes:
        raise ValueError(
            "activation_partitioning_dims and parameter_partitioning_dims must be 1 or 2, got "
            f"{activation_partitioning_dims} and {parameter_partitioning_dims}."
        )
    replicated = (
        "relpos_buckets",
        "abspos_buckets",
        "length",
        "layers",
        "stack",
        "mlp_activations",
    )
    rules: list[tuple[str, str | None]] = [
        ("batch", "data"),
        ("vocab", "model"),
        ("mlp", "model"),
        ("heads", "model"),
        ("kv", None),
        ("joined_kv", "model"),
    ]
    rules += [("embed", axis) for axis in embed_axes[dims]]
    rules += [(name, None) for name in replicated]
    return rules + list(additional_rules or ())


class PjitPartitioner:
    """Places arrays on a mesh of `data` x `model` devices and compiles functions for it.

    Args:
        num_partitions: devices that hold one copy of the model (the model axis); the data axis has
            the rest.
        model_parallel_submesh: the same as a block of the TPU's torus, `(x, y, z, cores)`; its
            product is the number of partitions.
        params_on_devices: accepted for T5X's sake; parameters are always on devices.
        backend: 'cpu', 'gpu' or 'tpu'; None takes JAX's default.
        ici_mesh_shape: `(data, model)` within a slice; it beats the number of partitions.
        dcn_mesh_shape: `(data, model)` across slices, or across processes where devices know of no
            slices, as CPUs; needs `ici_mesh_shape`. Without either, slices are joined along the
            data axis.
        logical_axis_rules: see `standard_logical_axis_rules`.
        compiler_options: of XLA, by name, for every function compiled here; one that the installed
            release does not know is left out, with a warning.
        devices: of the mesh, such as those of a `jax.experimental.topologies` description, for
            which programs are compiled and not run; None takes all of the backend.

    Raises:
        ConfigError: there are no such devices, or they cannot be arranged so.
    """

    def __init__(
        self,
        num_partitions: int | None = None,
        model_parallel_submesh: HardwareMesh | None = None,
        params_on_devices: bool = True,
        backend: str | None = None,
        ici_mesh_shape: HardwareMesh | None = None,
        dcn_mesh_shape: HardwareMesh | None = None,
        logical_axis_rules: LogicalAxisRules | None = None,
        compiler_options: CompilerOptions | None = None,
        devices: Sequence[jax.Device] | None = None,
    ) -> None:
        if not params_on_devices:
            logging.warning("params_on_devices=False has no effect: parameters live on devices.")
        self.logical_axis_rules = tuple(
            standard_logical_axis_rules() if logical_axis_rules is None else logical_axis_rules
        )
        self.mesh = make_mesh(
            devices or _devices(backend), _model_axis(num_partitions, model_parallel_submesh),
            ici_mesh_shape, dcn_mesh_shape,
        )  # fmt: skip
        self.compiler_options = _known_to_compiler(compiler_options or {}, self.replicated)

    @property
    def data_partition_spec(self) -> PartitionSpec:
        """How batches are split: rows over the data axis."""
        return PartitionSpec("data")

    @property
    def data_sharding(self) -> NamedSharding:
        """The sharding of every feature of a batch."""
        return NamedSharding(self.mesh, self.data_partition_spec)

    @property
    def replicated(self) -> NamedSharding:
        """The sharding of what every device holds whole."""
        return NamedSharding(self.mesh, PartitionSpec())

    def get_data_layout(
        self, batch_size: int | None = None, host_index: int | None = None
    ) -> DataLayout:
        """Returns which part of a batch a host feeds.

        Args:
            batch_size: rows of the global batch; None: one a data shard.
            host_index: this process when None.

        Raises:
            ValueError: the data axis does not divide the batch.
        """
        data_axis = self.mesh.shape["data"]
        batch_size = data_axis if batch_size is None else batch_size
        if batch_size % data_axis:
            raise ValueError(
                f"Batch size {batch_size} is not divisible by the data axis of the mesh, "
                f"{data_axis} (mesh: {dict(self.mesh.shape)}). Choose a multiple of {data_axis}, "
                "or more model partitions."
            )
        host = jax.process_index() if host_index is None else host_index
        rows = _data_rows_by_host(self.mesh)
        groups = sorted(set(rows.values()))
        peers = [h for h in sorted(rows) if rows[h] == rows[host]]
        return DataLayout(
            batch_size=batch_size,
            shard_id=groups.index(rows[host]),
            num_shards=len(groups),
            is_first_host_in_replica_set=peers[0] == host,
        )

    def get_logical_axes(self, train_state: FlaxOptimTrainState) -> FlaxOptimTrainState:
        """Returns a state whose leaves are tuples of logical axis names."""
        return train_state.as_logical_axes()

    def get_mesh_axes(self, train_state: FlaxOptimTrainState) -> FlaxOptimTrainState:
        """Returns a state whose leaves are `PartitionSpec`s."""
        return jax.tree.map(lambda sharding: sharding.spec, self.get_shardings(train_state))

    def get_shardings(self, train_state: FlaxOptimTrainState) -> FlaxOptimTrainState:
        """Returns a state whose leaves are `NamedSharding`s.

        Args:
            train_state: the state or its shapes (`jax.eval_shape`).
        """
        axes = self.get_logical_axes(train_state)
        return jax.tree.map(
            lambda names, leaf: NamedSharding(self.mesh, self._spec(names, leaf.shape)),
            axes,
            train_state,
            is_leaf=lambda x: x is None or _is_names(x),
        )

    def _spec(self, names: tuple[str, ...] | None, shape: tuple[int, ...]) -> PartitionSpec:
        """Maps an array's axis names to mesh axes; an axis that does not divide stays whole."""
        if names is None:
            return PartitionSpec()
        spec = flax_partitioning.logical_to_mesh_axes(names, self.logical_axis_rules)
        parts = []
        for axis, size, name in zip(spec or (), shape, names, strict=True):
            if axis is not None and size % self.mesh.shape[axis]:
                logging.log_first_n(
                    logging.WARNING,
                    "Axis %r of %d does not divide over %d devices of mesh axis %r: kept whole.",
                    8, name, size, self.mesh.shape[axis], axis,
                )  # fmt: skip
                axis = None
            parts.append(axis)
        return PartitionSpec(*parts)

    @contextmanager
    def activate(self) -> Iterator[None]:
        """Makes mesh and rules known to the sharding constraints inside the network."""
        with jax.set_mesh(self.mesh), flax_partitioning.axis_rules(self.logical_axis_rules):
            yield

    def partition(
        self,
        function: Callable[..., Any],
        in_axis_resources: Any = None,
        out_axis_resources: Any = None,
        static_argnums: int | Sequence[int] = (),
        donate_argnums: int | Sequence[int] = (),
    ) -> Partitioned:
        """Compiles `function` for the mesh.

        Args:
            function: a pure function.
            in_axis_resources: a tree of `NamedSharding`s a positional argument, or None.
            out_axis_resources: likewise for the results.
            static_argnums: arguments that are part of the program.
            donate_argnums: arguments whose memory the results may take over.
        """
        compiled = jax.jit(
            function,
            in_shardings=in_axis_resources,
            out_shardings=out_axis_resources,
            static_argnums=static_argnums,
            donate_argnums=donate_argnums,
            compiler_options=self.compiler_options,
        )
        return Partitioned(self, compiled)

    def shard_batch(self, batch: Tree) -> Tree:
        """Turns this host's rows of a batch into global arrays on the mesh.

        Args:
            batch: a dictionary of arrays, `[rows of this host, ...]`.
        """
        return jax.tree.map(
            lambda x: jax.make_array_from_process_local_data(self.data_sharding, np.asarray(x)),
            batch,
        )

    def shard_whole_batch(self, batch: Tree) -> Tree:
        """Turns a batch that every host has whole into global arrays on the mesh.

        Args:
            batch: a dictionary of arrays, `[rows of the batch, ...]`.
        """
        return jax.tree.map(
            lambda x: jax.make_array_from_callback(
                np.shape(x), self.data_sharding, lambda index: np.asarray(x)[index]
            ),
            batch,
        )


class Partitioned:
    """A compiled function that always runs inside its partitioner's mesh and rules."""

    def __init__(self, partitioner: PjitPartitioner, compiled: Any) -> None:
        self._partitioner = partitioner
        self._compiled = compiled

    def __call__(self, *args: Any) -> Any:
        """Calls the function."""
        with self._partitioner.activate():
            return self._compiled(*args)

    def lower(self, *args: Any) -> Any:
        """Traces for arguments or shapes, as `jax.jit(...).lower` does."""
        with self._partitioner.activate():
            return self._compiled.lower(*args)


def _known_to_compiler(
    options: CompilerOptions, sharding: NamedSharding
) -> dict[str, str | bool | int | float]:
    """Returns the options that XLA accepts: their names come and go with its releases."""
    known = {}
    for name, value in options.items():
        try:
            trial = jax.jit(lambda: 0, out_shardings=sharding, compiler_options={name: value})
            trial.lower().compile()
        except jax.errors.JaxRuntimeError as error:
            logging.warning("XLA is not given %s=%r: %s", name, value, str(error).strip())
        else:
            known[name] = value
    return known


def _is_names(x: Any) -> bool:
    """Tells a tuple of axis names from the tuples of states that Optax chains."""
    return type(x) is tuple and all(name is None or isinstance(name, str) for name in x)


def _devices(backend: str | None) -> Sequence[jax.Device]:
    in_place = _devices_in_place.get()
    if in_place is not None:
        return in_place
    try:
        return jax.devices(backend)
    except RuntimeError as error:
        wanted = "JAX's default backend" if backend is None else f"backend={backend!r}"
        raise ConfigError(
            f"PjitPartitioner was asked for {wanted}, which JAX does not find on this machine "
            f"({error}). Install JAX for it, or set partitioning.PjitPartitioner.backend to None "
            "and leave JAX_PLATFORMS unset to take what there is.",
            "PjitPartitioner.backend",
        ) from None


def _model_axis(num_partitions: int | None, submesh: HardwareMesh | None) -> int:
    if submesh is not None:
        product = math.prod(submesh)
        if num_partitions is not None and num_partitions != product:
            raise ConfigError(
                f"num_partitions={num_partitions} contradicts model_parallel_submesh={submesh}, "
                f"whose product is {product}: give one of them.",
                "PjitPartitioner.num_partitions",
                "PjitPartitioner.model_parallel_submesh",
            )
        return product
    return 1 if num_partitions is None else num_partitions


def _data_rows_by_host(mesh: Mesh) -> dict[int, tuple[int, ...]]:
    """Returns, for each host, the indices on the data axis of the devices it owns."""
    rows: dict[int, set[int]] = {}
    for (data_index, _), device in np.ndenumerate(mesh.devices):
        rows.setdefault(device.process_index, set()).add(data_index)
    return {host: tuple(sorted(indices)) for host, indices in rows.items()}
