"""What the processes of a job do as one, in one process and in two."""

import json
import types

import jax
import pytest

from t5x import hosts
from t5x.errors import ConfigError
from tests.t5x.loopback import job

ALONE = {
    "multiprocess_gpu": False,
    "coordinator_address": None,
    "process_count": None,
    "process_index": None,
    "initialization_timeout": 9,
}


def join(**flags):
    hosts.join(types.SimpleNamespace(**(ALONE | flags)))


@pytest.fixture
def initialized(monkeypatch):
    """What JAX was asked to join, and how."""
    calls = []
    monkeypatch.setattr(jax.distributed, "initialize", lambda *a, **k: calls.append((a, k)))
    monkeypatch.setattr(jax.config, "update", lambda name, value: calls.append((name, value)))
    return calls


def test_processes_join_as_they_are_told(initialized):
    join()
    assert initialized == []
    join(coordinator_address="127.0.0.1:1234", process_count=2, process_index=0)
    preemption, (arguments, settings) = initialized
    assert preemption == ("jax_enable_preemption_service", False)
    assert arguments == ("127.0.0.1:1234", 2, 0)
    assert settings["cluster_detection_method"] == "deactivate"
    assert settings["initialization_timeout"] == 9
    assert settings["heartbeat_timeout_seconds"] < 60


def test_jax_asks_the_cluster_where_nobody_says(initialized, monkeypatch):
    monkeypatch.setattr("os.environ", {})
    join(multiprocess_gpu=True)
    arguments, settings = initialized[1]
    assert arguments == (None, None, None)
    assert settings["cluster_detection_method"] is None


def test_nobody_to_join(monkeypatch):
    monkeypatch.setattr("os.environ", {})

    def refuse(*_, **__):
        raise ValueError("coordinator_address should be defined.")

    monkeypatch.setattr(jax.distributed, "initialize", refuse)
    with pytest.raises(ConfigError, match=r"JAX finds none .*start them by srun, mpirun"):
        join(multiprocess_gpu=True)
    monkeypatch.setattr("os.environ", {"PMI_RANK": "0"})
    with pytest.raises(ConfigError, match=r"set PMI_RANK, and not PMI_SIZE and MPI_LO"):
        join(multiprocess_gpu=True)


def test_one_process_agrees_with_itself(tmp_path):
    assert hosts.from_first({"a": [1, None]}) == {"a": [1, None]}
    assert hosts.any_of(True) and not hosts.any_of(False)
    assert hosts.is_first()
    hosts.check_shared(str(tmp_path / "does not even exist"))


def test_errors_pass_through_where_there_is_one_process():
    with pytest.raises(OSError, match="Socket closed"), hosts.lost_processes_named():
        raise OSError("Socket closed")
    with pytest.raises(SystemExit), hosts.ending_as_one():
        raise SystemExit(3)


SCRIPT = """
import json, os, sys
from absl import app, flags
from t5x import gin_utils, hosts
from t5x.errors import ConfigError
from t5x.meshes import make_mesh

def main(argv):
    hosts.join(flags.FLAGS)
    import jax
    me = jax.process_index()
    folder = argv[1]
    own = os.path.join(folder, str(me))
    os.makedirs(own, exist_ok=True)
    hosts.SHARED_FOLDER_SECONDS = 0
    told = {"first": hosts.is_first(), "count": jax.process_count()}
    told["from_first"] = hosts.from_first({"text": "é" * 50, "host": me} if me == 0 else None)
    told["any_of"] = [hosts.any_of(me == 1), hosts.any_of(False)]
    told["meshes"] = [
        [[device.process_index for device in row] for row in mesh.devices]
        for mesh in (make_mesh(jax.devices(), 1, (1, 1), dcn) for dcn in ((2, 1), (1, 2)))
    ]
    hosts.check_shared(folder)
    try:
        hosts.check_shared(own)
    except ConfigError as error:
        told["refused"] = error.message
    told["left"] = sorted(os.listdir(folder)) + os.listdir(own)
    print("told:", json.dumps(told), flush=True)
    hosts.wait_for_all("the end")
    with hosts.ending_as_one(), gin_utils.spoken(), hosts.lost_processes_named():
        if me == 1:
            hosts.GRACE_SECONDS = 0.1
            raise ConfigError("This one fails alone.")
        hosts.wait_for_all("one that does not come")

gin_utils.define_flags()
app.run(main)
"""


def test_two_processes_agree_and_end_together(tmp_path):
    folder = tmp_path / "shared"
    folder.mkdir()
    (tmp_path / "script.py").write_text(SCRIPT)
    script = (str(tmp_path / "script.py"), str(folder))
    with job(tmp_path, 2, *script, PYTHONPATH=".") as started:
        codes = started.codes(timeout=120)
        printed = [started.printed(index) for index in range(2)]
    told = [
        json.loads(line.removeprefix("told:"))
        for text in printed
        for line in text.splitlines()
        if line.startswith("told:")
    ]
    assert [one["first"] for one in told] == [True, False]
    for one in told:
        assert one["count"] == 2
        assert one["from_first"] == {"text": "é" * 50, "host": 0}
        assert one["any_of"] == [True, False]
        assert one["meshes"] == [[[0], [1]], [[0, 1]]]
        assert "is not one folder for all 2 hosts" in one["refused"]
        assert one["left"] == ["0", "1"]
    # The one that fails says why; the other learns of it from the connection that is gone.
    assert codes[1] == 2 and "Error: This one fails alone." in printed[1]
    assert codes[0] == hosts.LostProcessError.exit_code
    assert "Process 0 of 2: another process of this job has ended" in printed[0]
