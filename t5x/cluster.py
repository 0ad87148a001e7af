"""Which processes make up a job, as flags, SLURM, MPI or a TPU's metadata tell it."""

from __future__ import annotations

import dataclasses
import re
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

from absl import logging

from t5x.errors import ConfigError

FIRST_PORT = 61440
"""Coordinators listen on 4096 ports from here, by the job's number, as JAX's own do."""

METADATA_SECONDS = 5


@dataclasses.dataclass(frozen=True)
class Job:
    """The processes that compute together, and which of them this one is.

    What is None, JAX finds out itself: on a TPU and in Kubernetes it asks the cluster.

    Attributes:
        coordinator_address: host:port on which process 0 listens.
        process_count: how many there are.
        process_index: number of this one, from 0.
        local_device_ids: the devices of the machine that are this process's; None: all.
    """

    coordinator_address: str | None = None
    process_count: int | None = None
    process_index: int | None = None
    local_device_ids: tuple[int, ...] | None = None

    @property
    def is_known(self) -> bool:
        """Whether JAX need not ask anybody."""
        return None not in (self.coordinator_address, self.process_count, self.process_index)


@dataclasses.dataclass(frozen=True)
class Launcher:
    """What starts the processes of a job and tells each its number in environment variables.

    Attributes:
        name: in a person's words.
        count: variable with the number of processes.
        index: variable with this one's number.
        local_index: variable with its number on its machine.
        nodes: variable with SLURM's list of machines, the first of which has process 0.
    """

    name: str
    count: str
    index: str
    local_index: str
    nodes: str = "SLURM_JOB_NODELIST"

    def is_in(self, environ: Mapping[str, str]) -> bool:
        """Tells whether it has started this process."""
        return all(name in environ for name in self.variables)

    @property
    def variables(self) -> tuple[str, str, str]:
        """What it sets for every process."""
        return self.count, self.index, self.local_index


# The innermost first: `mpirun` within an allocation of SLURM's leaves SLURM's variables in place.
LAUNCHERS = (
    Launcher(
        "Open MPI", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_LOCAL_RANK"
    ),
    Launcher("MPI", "PMI_SIZE", "PMI_RANK", "MPI_LOCALRANKID"),
    Launcher("SLURM", "SLURM_NTASKS", "SLURM_PROCID", "SLURM_LOCALID", "SLURM_STEP_NODELIST"),
)


def find_job(flags: Any, environ: Mapping[str, str]) -> Job | None:
    """Returns the job that this process belongs to; None when it is alone.

    A flag beats what the environment says, and the environment fills in what the flags leave out.
    SLURM and MPI are asked when a flag says that there are several processes: a shell within an
    allocation has their variables too. The workers of a TPU pod always compute together.

    Args:
        flags: `multiprocess_gpu`, `coordinator_address`, `process_count`, `process_index`.
        environ: of this process.

    Raises:
        ConfigError: neither says enough, or what they say is impossible.
    """
    given = Job(flags.coordinator_address, flags.process_count, flags.process_index)
    launcher = next((one for one in LAUNCHERS if one.is_in(environ)), None)
    if flags.multiprocess_gpu or given != Job():
        job = _filled_in(given, launcher, environ)
        _check(job, _names(given, launcher))
        return job
    if is_tpu_pod(environ):
        return Job()
    if launcher is not None:
        _warn_if_alone(launcher, environ)
    return None


def half_told(environ: Mapping[str, str]) -> str:
    """Says which of a launcher's variables are missing where it has set others; else nothing.

    Example:
        >>> half_told({"PMI_RANK": "0", "PMI_SIZE": "2"})
        'MPI has set PMI_SIZE and PMI_RANK, and not MPI_LOCALRANKID'
    """
    if any(launcher.is_in(environ) for launcher in LAUNCHERS):
        return ""
    for launcher in LAUNCHERS:
        there = [name for name in launcher.variables if name in environ]
        missing = [name for name in launcher.variables if name not in environ]
        if there:
            return f"{launcher.name} has set {_and(there)}, and not {_and(missing)}"
    return ""


def _and(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)


def _warn_if_alone(launcher: Launcher, environ: Mapping[str, str]) -> None:
    """Says that processes were started together and are not joined."""
    # The shell of a batch script has SLURM's variables without being one of several.
    is_shell = launcher.name == "SLURM" and launcher.nodes not in environ
    if _number(environ, launcher.count) > 1 and not is_shell:
        logging.warning(
            "%s started %s processes, and this one computes alone: add --multiprocess_gpu to have "
            "them compute together.",
            launcher.name, environ[launcher.count],
        )  # fmt: skip


def _filled_in(given: Job, launcher: Launcher | None, environ: Mapping[str, str]) -> Job:
    if given.is_known or launcher is None:
        return given
    count, index = given.process_count, given.process_index
    return Job(
        given.coordinator_address or _coordinator(launcher, environ),
        _number(environ, launcher.count) if count is None else count,
        _number(environ, launcher.index) if index is None else index,
        _own_device(launcher, environ),
    )


def _names(given: Job, launcher: Launcher | None) -> tuple[str, str, str]:
    """Returns what says the address, the number of processes and this one's: flag or variable."""
    count, index = "--process_count", "--process_index"
    if launcher is not None and not given.is_known:
        count = launcher.count if given.process_count is None else count
        index = launcher.index if given.process_index is None else index
    return "--coordinator_address", count, index


def _check(job: Job, names: tuple[str, str, str]) -> None:
    """Refuses what cannot be, and half of what JAX needs, which it could only wait for."""
    address, count, index = job.coordinator_address, job.process_count, job.process_index
    if address is None or count is None or index is None:
        _refuse_half(dict(zip(names, (address, count, index), strict=True)))
        return
    if not 0 <= index < count:
        raise ConfigError(
            f"{names[2]} is {index}, and {names[1]} is {count}: count from 0, up to one less than "
            "there are."
        )
    port = re.search(r".:(\d+)$", address)
    if port is None or not 0 < int(port[1]) < 65536:
        raise ConfigError(
            f"{names[0]} is {address!r}: give host:port of process 0, such as 10.0.0.1:8476."
        )


def _refuse_half(told: Mapping[str, Any]) -> None:
    missing = [name for name, value in told.items() if value is None]
    known = [f"{name} is {value}" for name, value in told.items() if value is not None]
    if known:
        raise ConfigError(
            f"{', '.join(known)}, but {_and(missing)} {'is' if len(missing) == 1 else 'are'} "
            "missing: to join the others a process must know where process 0 listens, how many "
            "they are and which of them it is. Give all three flags, or --multiprocess_gpu alone "
            "under SLURM, mpirun or on a TPU; an address is host:port, on one machine such as "
            "127.0.0.1:8476."
        )


def _coordinator(launcher: Launcher, environ: Mapping[str, str]) -> str | None:
    """Returns where process 0 listens, when the environment lets all processes conclude it."""
    if address := environ.get("JAX_COORDINATOR_ADDRESS"):
        return address
    if environ.get(launcher.nodes) and "SLURM_JOB_ID" in environ:
        return f"{first_node(environ[launcher.nodes])}:{_port(_number(environ, 'SLURM_JOB_ID'))}"
    # Up to version 4 Open MPI tells the number of the job and where `mpirun` itself runs.
    uri = environ.get("OMPI_MCA_orte_hnp_uri", "")
    if found := re.search(r"^(\d+).*?(?:tcp://([^,:]+)|tcp6://(\[[^,\]]+))", uri):
        return f"{found[2] or found[3] + ']'}:{_port(int(found[1]) >> 12)}"
    if environ.get("OMPI_COMM_WORLD_LOCAL_SIZE") == environ.get(launcher.count):
        namespace = environ.get("PMIX_NAMESPACE", "")  # of this `mpirun`, on this one machine
        return f"127.0.0.1:{_port(sum(namespace.encode()))}"
    return None


def _port(job: int) -> int:
    return FIRST_PORT + job % 4096


def first_node(nodes: str) -> str:
    """Returns the first host of a SLURM list of nodes.

    Example:
        >>> [first_node(nodes) for nodes in ("a1,b2", "node[001-004,007],c", "tpu-[3,5]", "x")]
        ['a1', 'node001', 'tpu-3', 'x']
    """
    found = re.match(r"([^,\[]+)(?:\[([^,\-\]]+)[^\]]*\]([^,]*))?", nodes)
    assert found is not None, nodes
    return found[1] + (found[2] or "") + (found[3] or "")


def _own_device(launcher: Launcher, environ: Mapping[str, str]) -> tuple[int, ...] | None:
    """One GPU a process where several share a machine and see all of it; None: all it sees."""
    visible = environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None and len(visible.split(",")) <= 1:
        return None
    if launcher.local_index not in environ or _local_count(launcher, environ) == 1:
        return None
    return (_number(environ, launcher.local_index),)


def _local_count(launcher: Launcher, environ: Mapping[str, str]) -> int | None:
    """Returns how many processes this machine has; None where nobody says."""
    if launcher.name == "SLURM":
        tasks = environ.get("SLURM_STEP_TASKS_PER_NODE") or environ.get("SLURM_TASKS_PER_NODE", "")
        counts = tasks_per_node(tasks)
        node = _number(environ, "SLURM_NODEID") if "SLURM_NODEID" in environ else 0
        return counts[node] if node < len(counts) else None
    for name in ("OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS"):
        if name in environ:
            return _number(environ, name)
    return None


def tasks_per_node(text: str) -> list[int]:
    """Returns the number of processes of each node, as SLURM abbreviates them.

    Example:
        >>> tasks_per_node("2(x3),1"), tasks_per_node("")
        ([2, 2, 2, 1], [])
    """
    found = re.findall(r"(\d+)(?:\(x(\d+)\))?", text)
    return [int(tasks) for tasks, times in found for _ in range(int(times or 1))]


def _number(environ: Mapping[str, str], name: str) -> int:
    try:
        return int(environ[name])
    except ValueError:
        raise ConfigError(
            f"The variable {name} is {environ[name]!r}: it must be a number."
        ) from None


def is_tpu_pod(environ: Mapping[str, str]) -> bool:
    """Tells whether this machine is one of several that share a TPU, or several slices of it.

    Kubernetes says so in the environment, a TPU VM's metadata server otherwise.

    Args:
        environ: of this process, after JAX was imported: without TPU chips JAX forbids to ask the
            metadata server, by setting TPU_SKIP_MDS_QUERY.
    """
    if environ.get("JAX_PLATFORMS", "tpu").split(",")[0] != "tpu":
        return False
    names = environ.get("TPU_PROCESS_ADDRESSES") or environ.get("TPU_WORKER_HOSTNAMES")
    slices = environ.get("MEGASCALE_NUM_SLICES")
    if names is None and slices is None and "TPU_SKIP_MDS_QUERY" not in environ:
        server = environ.get("GCE_METADATA_IP", "metadata.google.internal")
        names = _metadata(server, "worker-network-endpoints")
        found = re.search(r"MEGASCALE_NUM_SLICES: *'?(\d+)", _metadata(server, "tpu-env") or "")
        return _is_several(names) or bool(found and int(found[1]) > 1)
    return _is_several(names) or bool(slices and _number(environ, "MEGASCALE_NUM_SLICES") > 1)


def _is_several(names: str | None) -> bool:
    return names is not None and "," in names


def _metadata(server: str, key: str) -> str | None:
    """Returns a value that Google's metadata server has for this machine."""
    request = urllib.request.Request(
        f"http://{server}/computeMetadata/v1/instance/attributes/{key}",
        headers={"Metadata-Flavor": "Google"},
    )
    try:
        with urllib.request.urlopen(request, timeout=METADATA_SECONDS) as answer:
            return answer.read().decode()
    except (urllib.error.URLError, OSError):
        return None
