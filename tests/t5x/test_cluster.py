"""Which processes make up a job: what flags, SLURM, MPI and TPUs say, and what they leave out."""

import http.server
import threading
import types

import pytest

from t5x.cluster import Job, find_job, half_told, is_tpu_pod
from t5x.errors import ConfigError

ADDRESS = "10.0.0.1:1234"
SLURM = {
    "SLURM_JOB_ID": "4097",
    "SLURM_NTASKS": "6",
    "SLURM_PROCID": "4",
    "SLURM_LOCALID": "1",
    "SLURM_NODEID": "1",
    "SLURM_STEP_NODELIST": "gpu[07-08],login",
    "SLURM_STEP_TASKS_PER_NODE": "3(x2)",
}
OPEN_MPI = {
    "OMPI_COMM_WORLD_SIZE": "4",
    "OMPI_COMM_WORLD_RANK": "3",
    "OMPI_COMM_WORLD_LOCAL_RANK": "1",
    "OMPI_COMM_WORLD_LOCAL_SIZE": "2",
}
MPICH = {"PMI_SIZE": "2", "PMI_RANK": "0", "MPI_LOCALRANKID": "0", "MPI_LOCALNRANKS": "2"}
ORTE = "8192.0;tcp://10.96.0.1,10.148.0.1:34911"


def job(environ, **flags):
    given = dict.fromkeys(("coordinator_address", "process_count", "process_index"))
    given |= {"multiprocess_gpu": True} | flags
    return find_job(types.SimpleNamespace(**given), environ)


def test_one_process_is_alone():
    assert job({"TPU_SKIP_MDS_QUERY": "1"}, multiprocess_gpu=False) is None


def test_flags_beat_the_environment():
    flags = {"coordinator_address": ADDRESS, "process_count": 2, "process_index": 0}
    assert job(SLURM, **flags) == Job(ADDRESS, 2, 0)
    assert job({}, multiprocess_gpu=False, **flags) == Job(ADDRESS, 2, 0)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        (SLURM, Job("gpu07:61441", 6, 4, (1,))),
        ({**SLURM, "SLURM_STEP_NODELIST": "a1,b2"}, Job("a1:61441", 6, 4, (1,))),
        ({**SLURM, "SLURM_STEP_TASKS_PER_NODE": "5,1"}, Job("gpu07:61441", 6, 4)),
        ({**SLURM, "CUDA_VISIBLE_DEVICES": "0"}, Job("gpu07:61441", 6, 4)),
        ({**SLURM, "CUDA_VISIBLE_DEVICES": "0,1,2"}, Job("gpu07:61441", 6, 4, (1,))),
        ({**OPEN_MPI, "OMPI_MCA_orte_hnp_uri": ORTE}, Job("10.96.0.1:61442", 4, 3, (1,))),
        (
            {**OPEN_MPI, "OMPI_MCA_orte_hnp_uri": "4096.0;tcp6://[fe80::b9b,2620::2]:43370"},
            Job("[fe80::b9b]:61441", 4, 3, (1,)),
        ),
        # `mpirun` within an allocation: SLURM's numbers are those of something else.
        ({**SLURM, "SLURM_JOB_NODELIST": "n[1-2]", **OPEN_MPI}, Job("n1:61441", 4, 3, (1,))),
        ({**OPEN_MPI, "OMPI_COMM_WORLD_LOCAL_SIZE": "4"}, Job("127.0.0.1:61440", 4, 3, (1,))),
        ({**OPEN_MPI, "JAX_COORDINATOR_ADDRESS": ADDRESS}, Job(ADDRESS, 4, 3, (1,))),
        (
            {"PMI_SIZE": "2", "PMI_RANK": "1", "MPI_LOCALRANKID": "0", "MPI_LOCALNRANKS": "1",
             "JAX_COORDINATOR_ADDRESS": ADDRESS},
            Job(ADDRESS, 2, 1),
        ),
        ({}, Job()),
    ],
)  # fmt: skip
def test_the_environment_says_who_the_others_are(environ, expected):
    assert job(environ) == expected


def test_flags_say_what_the_environment_does_not():
    assert job(OPEN_MPI, coordinator_address=ADDRESS) == Job(ADDRESS, 4, 3, (1,))
    assert job(OPEN_MPI, coordinator_address=ADDRESS, multiprocess_gpu=False).process_index == 3
    assert job(SLURM, process_count=8, process_index=7) == Job("gpu07:61441", 8, 7, (1,))


@pytest.mark.parametrize(
    ("environ", "flags", "message"),
    [
        (
            {},
            {"process_count": 2},
            "--process_count is 2, but --coordinator_address and --process_index are missing",
        ),
        (
            OPEN_MPI,
            {},
            "OMPI_COMM_WORLD_SIZE is 4, OMPI_COMM_WORLD_RANK is 3, but --coordinator_address is m",
        ),
        (
            MPICH,
            {"process_index": 1},
            "PMI_SIZE is 2, --process_index is 1, but --coordinator_addr",
        ),
        ({**SLURM, "SLURM_STEP_NODELIST": ""}, {}, "--coordinator_address is missing"),
        ({**SLURM, "SLURM_PROCID": "x"}, {}, "SLURM_PROCID is 'x': it must be a number"),
        ({**SLURM, "SLURM_NODEID": "x"}, {}, "SLURM_NODEID is 'x': it must be a number"),
        ({**SLURM, "SLURM_PROCID": "6"}, {}, "SLURM_PROCID is 6, and SLURM_NTASKS is 6: count fr"),
        (SLURM, {"process_index": 6}, "--process_index is 6, and SLURM_NTASKS is 6: count from 0"),
        (SLURM, {"process_index": -1}, "--process_index is -1, and SLURM_NTASKS is 6: count from"),
        (SLURM, {"coordinator_address": "gpu07"}, "--coordinator_address is 'gpu07': give host:p"),
        (SLURM, {"coordinator_address": "a:65536"}, "--coordinator_address is 'a:65536': give hos"),
    ],
)
def test_what_cannot_be_is_refused(environ, flags, message):
    with pytest.raises(ConfigError, match=message):
        job(environ, **flags)


def test_half_of_a_launchers_variables_is_named():
    shell = {"SLURM_JOB_ID": "1", "SLURM_NTASKS": "2"}  # of `salloc`
    assert job(shell) == Job()  # JAX may know more
    told = half_told(shell)
    assert told == "SLURM has set SLURM_NTASKS, and not SLURM_PROCID and SLURM_LOCALID"
    assert half_told({**OPEN_MPI, **SLURM}) == half_told({}) == ""


def test_processes_that_are_not_joined_are_told(caplog):
    assert job({**SLURM, "TPU_SKIP_MDS_QUERY": "1"}, multiprocess_gpu=False) is None
    assert "SLURM started 6 processes, and this one computes alone" in caplog.text
    caplog.clear()
    shell = {name: SLURM[name] for name in SLURM if "STEP" not in name}
    assert job({**shell, "TPU_SKIP_MDS_QUERY": "1"}, multiprocess_gpu=False) is None
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"TPU_WORKER_HOSTNAMES": "w-0,w-1"}, True),
        ({"TPU_WORKER_HOSTNAMES": "localhost"}, False),
        ({"TPU_WORKER_HOSTNAMES": "w-0", "MEGASCALE_NUM_SLICES": "2"}, True),
        ({"TPU_WORKER_HOSTNAMES": "w-0,w-1", "JAX_PLATFORMS": "cpu"}, False),
        ({"TPU_SKIP_MDS_QUERY": "1"}, False),
    ],
)
def test_a_pod_in_kubernetes(environ, expected):
    assert is_tpu_pod(environ) is expected
    found = job({"TPU_SKIP_MDS_QUERY": "1", **environ}, multiprocess_gpu=False)
    assert found == (Job() if expected else None)


def test_a_number_of_slices_that_is_none():
    with pytest.raises(ConfigError, match="MEGASCALE_NUM_SLICES is 'two': it must be a number"):
        is_tpu_pod({"MEGASCALE_NUM_SLICES": "two"})


@pytest.fixture
def metadata():
    """A server that answers as Google's does, from this dictionary."""
    values = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            key = self.path.rpartition("/")[2]
            known = key in values and self.headers["Metadata-Flavor"] == "Google"
            self.send_response(200 if known else 404)
            self.end_headers()
            if known:
                self.wfile.write(values[key].encode())

        def log_message(self, *args):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield values, {"GCE_METADATA_IP": f"127.0.0.1:{server.server_port}"}
    server.shutdown()
    server.server_close()


def test_a_pod_of_virtual_machines(metadata):
    values, environ = metadata
    assert not is_tpu_pod(environ)
    values["worker-network-endpoints"] = "unknown:unknown:10.0.0.2"
    assert not is_tpu_pod(environ)
    values["tpu-env"] = "ACCELERATOR_TYPE: 'v5litepod-8'\nMEGASCALE_NUM_SLICES: '2'\n"
    assert is_tpu_pod(environ)
    values["tpu-env"] = "MEGASCALE_NUM_SLICES: '1'\n"
    assert not is_tpu_pod(environ)
    values["tpu-env"] = ""
    values["worker-network-endpoints"] = "a:b:10.0.0.2,a:b:10.0.0.3"
    assert is_tpu_pod(environ)
    assert not is_tpu_pod({**environ, "TPU_SKIP_MDS_QUERY": "1"})
