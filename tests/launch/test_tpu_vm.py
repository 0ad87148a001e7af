"""launch/tpu_vm.sh from the request to the deletion, with a gcloud that plays the scene."""

import shlex
import signal

import pytest

from tests.launch.stubs import LAUNCH, Stubs

SCRIPT = LAUNCH / "tpu_vm.sh"
WHEEL = "text_chem_t5-0.1.0-py3-none-any.whl"
OVERRIDE = """--gin.MODEL_DIR='gs://our-bucket/a "run"'"""
THERE = """--gin.MODEL_DIR='/gcs/our-bucket/a "run"'"""
OPTIONS = ("--name", "base", "--zone", "us-west4-a", "--topology", "v5e:2x4")
COMMAND = ("--", "python", "-m", "t5x.train", OVERRIDE)
NOT_FOUND = "echo 'ERROR: NOT_FOUND: Resource was not found' >&2; exit 1"
STATE = "*queued-resources describe*state.state*"
SSH = ["--ssh-flag=-o ServerAliveInterval=15", "--ssh-flag=-o ServerAliveCountMax=4"]
DELETE = [
    "compute",
    "tpus",
    "queued-resources",
    "delete",
    "base",
    "--force",
    "--quiet",
    "--zone=us-west4-a",
]


@pytest.fixture
def stubs(tmp_path):
    stubs = Stubs(tmp_path, "gcloud", "pip", "sleep")
    stubs.on("pip", "wheel *", f'while [[ $1 != --wheel-dir ]]; do shift; done; touch "$2/{WHEEL}"')
    return stubs


def scene(stubs, states, outcomes, node="echo READY"):
    """A gcloud that tells these states of the TPU and these of the command."""
    stubs.on("gcloud", STATE, *states)
    stubs.on("gcloud", "*tpu-vm describe*", node)
    stubs.on("gcloud", "*tpu_worker.sh status*", *outcomes)


def run(stubs, *options, command=COMMAND):
    return stubs.run(SCRIPT, *OPTIONS, *options, *command)


def verbs(stubs):
    """What was asked of the TPU, in order, without looking at its state."""
    told = []
    for call in stubs.calls("gcloud"):
        worker = next((word for word in call if word.startswith("--command=")), None)
        if worker:
            told.append(shlex.split(worker.removeprefix("--command="))[2])
        elif call[3] != "describe":
            told.append(call[3])
    return told


def test_a_run_that_goes_well(stubs):
    scene(
        stubs,
        [NOT_FOUND, "echo WAITING_FOR_RESOURCES", "echo PROVISIONING", "echo ACTIVE"],
        ["echo unreachable", "echo 0"],
    )
    result = run(stubs, "--spot", "--service-account", "t5@our-project.iam.gserviceaccount.com")
    assert result.returncode == 0, result.stderr
    where = "--zone=us-west4-a"
    describe = ["describe", "base", "--format=value(state.state)", where]
    resources = ["compute", "tpus", "queued-resources"]
    ready = ["compute", "tpus", "tpu-vm", "describe", "base", "--format=value(state)", where]

    def ssh(workers, *words):
        there = shlex.join(["bash", "tpu_worker.sh", *words])
        who = [f"--node={workers}", f"--worker={workers}"]
        return [*resources, "ssh", "base", *who, *SSH, f"--command={there}", where]

    wheel = next(call for call in stubs.calls("gcloud") if "scp" in call)[4]
    assert wheel.endswith(f"/{WHEEL}")
    started = next(call for call in stubs.calls("gcloud") if "start" in call[-2])[-2]
    assert shlex.split(started.removeprefix("--command=")) == [
        "bash", "tpu_worker.sh", "start", "python", "-m", "t5x.train", THERE,
    ]  # fmt: skip
    assert stubs.calls("gcloud") == [
        [*resources, *describe],
        [
            *resources, "create", "base", "--accelerator-type=v5litepod-8",
            "--runtime-version=v2-alpha-tpuv5-lite", "--node-id=base", "--spot",
            "--service-account=t5@our-project.iam.gserviceaccount.com",
            "--scopes=https://www.googleapis.com/auth/cloud-platform", where,
        ],
        [*resources, *describe],
        [*resources, *describe],
        [*resources, *describe],
        ready,
        ssh("0", "status"),
        [
            *resources, "scp", wheel, str(LAUNCH / "tpu_worker.sh"), "base:", "--node=all",
            "--worker=all", where,
        ],
        ssh("all", "install", WHEEL, "our-bucket"),
        [*ssh("all")[:-2], started, where],
        ssh("0", "follow"),
        ssh("0", "status"),
        DELETE,
    ]  # fmt: skip
    assert stubs.calls("sleep") == [["30"], ["30"]]


def test_a_dry_run_prints_what_a_run_does_and_does_nothing(stubs):
    result = run(stubs, "--dry-run")
    assert result.returncode == 0, result.stderr
    assert stubs.calls() == []
    printed = [shlex.split(line) for line in result.stdout.splitlines()]
    assert [line[0] for line in printed] == ["pip"] + ["gcloud"] * 9
    scene(stubs, [NOT_FOUND, "echo ACTIVE"], ["echo unreachable", "echo 0"])
    assert run(stubs).returncode == 0
    ran = [tuple(call) for call in stubs.calls("gcloud") if "scp" not in call]
    installed = [word.replace("text_chem_t5.whl", WHEEL) for line in printed for word in line]
    assert {word for call in ran for word in call} <= set(installed)


def test_several_slices_are_one_request_and_all_must_be_ready(stubs):
    stubs.on("gcloud", STATE, NOT_FOUND, "echo ACTIVE")
    stubs.on("gcloud", "*tpu-vm describe base-1 *", "echo CREATING", "echo READY")
    stubs.on("gcloud", "*tpu-vm describe*", "echo READY")
    stubs.on("gcloud", "*tpu_worker.sh status*", "echo none", "echo 0")
    result = run(stubs, "--slices", "2", "--project", "our-project")
    assert result.returncode == 0, result.stderr
    create = next(call for call in stubs.calls("gcloud") if "create" in call)
    assert {"--node-count=2", "--node-prefix=base", "--project=our-project"} <= set(create)
    assert "base is CREATING" in result.stderr
    assert verbs(stubs) == ["create", "status", "scp", "install", "start", "follow", "status",
                            "delete"]  # fmt: skip


@pytest.mark.parametrize(
    ("topology", "accelerator", "runtime"),
    [
        ("v4:2x2x2", "v4-16", "tpu-ubuntu2204-base"),
        ("v5e:1x1", "v5litepod-1", "v2-alpha-tpuv5-lite"),
        ("v5p:4x4x4", "v5p-128", "v2-alpha-tpuv5"),
        ("v6e:16x16", "v6e-256", "v2-alpha-tpuv6e"),
    ],
)
def test_slices_are_named_as_preflight_names_them(stubs, topology, accelerator, runtime):
    result = run(stubs, "--topology", topology, "--dry-run")
    create = shlex.split(result.stdout.splitlines()[1])
    assert {f"--accelerator-type={accelerator}", f"--runtime-version={runtime}"} <= set(create)


def test_a_preempted_tpu_is_requested_again_and_the_command_goes_on(stubs):
    scene(
        stubs,
        [NOT_FOUND, "echo ACTIVE", "echo SUSPENDED", NOT_FOUND, "echo ACTIVE"],
        ["echo none", "exit 255", "echo none", "echo 0"],
    )
    result = run(stubs)
    assert result.returncode == 0, result.stderr
    assert "base was preempted; trying again" in result.stderr
    once = ["create", "status", "scp", "install", "start", "follow", "status"]
    assert verbs(stubs) == [*once, "delete", *once, "delete"]


def test_a_slice_that_is_preempted_while_the_request_still_says_active(stubs):
    stubs.on("gcloud", STATE, "echo ACTIVE", NOT_FOUND, "echo ACTIVE")
    stubs.on("gcloud", "*tpu-vm describe*", "echo PREEMPTED", "echo READY")
    stubs.on("gcloud", "*tpu_worker.sh status*", "echo none", "echo 0")
    assert run(stubs).returncode == 0
    assert verbs(stubs)[:2] == ["delete", "create"]


def test_a_command_that_lost_its_peers_is_started_again_without_installing(stubs):
    scene(stubs, ["echo ACTIVE"], ["echo none", "echo 75", "echo 75", "echo 0"])
    result = run(stubs)
    assert result.returncode == 0, result.stderr
    assert verbs(stubs) == [
        "status", "scp", "install", "start", "follow", "status",
        "status", "start", "follow", "status", "delete",
    ]  # fmt: skip


def test_what_is_tried_again_has_an_end(stubs):
    scene(stubs, ["echo ACTIVE"], ["echo 75"])
    result = run(stubs, "--restarts", "2")
    assert result.returncode == 1
    assert "--restarts 2 is used up" in result.stderr
    assert verbs(stubs).count("start") == 3
    assert stubs.calls("gcloud")[-1] == DELETE


def test_a_command_that_fails_is_shown_and_not_repeated(stubs):
    scene(stubs, ["echo ACTIVE"], ["echo none", "echo 2"])
    stubs.on("gcloud", "*tpu_worker.sh log*", "echo 'Nothing reads TRAIN_STEP'")
    result = run(stubs)
    assert result.returncode == 2
    assert "Nothing reads TRAIN_STEP" in result.stdout
    assert "the command failed with code 2" in result.stderr
    assert verbs(stubs)[-3:] == ["status", "log", "delete"]


def test_an_installation_that_fails_ends_the_run_and_deletes(stubs):
    scene(stubs, ["echo ACTIVE"], ["exit 127"])
    stubs.on("gcloud", "*tpu_worker.sh install*", "echo 'no matching distribution' >&2; exit 1")
    result = run(stubs)
    assert result.returncode == 1
    assert "no matching distribution" in result.stderr
    assert "installing failed" in result.stderr
    assert verbs(stubs) == ["status", "scp", "install", "status", "delete"]


def test_a_quota_that_does_not_suffice_is_explained(stubs):
    scene(stubs, [NOT_FOUND], ["exit 1"])
    stubs.on(
        "gcloud",
        "*create*",
        "echo \"RESOURCE_EXHAUSTED: Quota limit 'TPUV5sLitepod' has been exceeded\" >&2; exit 1",
    )
    result = run(stubs)
    assert result.returncode == 1
    assert "Quota limit 'TPUV5sLitepod' has been exceeded" in result.stderr
    assert "quota does not cover 1 x v5e:2x4 in us-west4-a" in result.stderr
    assert verbs(stubs) == ["create"], "what was refused needs no deletion"


def test_a_request_that_fails_in_the_queue_says_why(stubs):
    stubs.on("gcloud", STATE, NOT_FOUND, "echo FAILED")
    stubs.on("gcloud", "*failedData.error.message*", "echo 'the request has expired'")
    result = run(stubs, "--valid-until", "6h")
    assert result.returncode == 1
    assert "the request has expired" in result.stderr
    assert "--valid-until-duration=6h" in stubs.calls("gcloud")[1]
    assert stubs.calls("gcloud")[-1] == DELETE


def test_a_gcloud_that_cannot_tell_anything_ends_the_run(stubs):
    stubs.on("gcloud", STATE, "echo 'no active account' >&2; exit 1")
    result = run(stubs)
    assert result.returncode == 1
    assert "no active account" in result.stderr
    assert verbs(stubs) == []


def test_a_command_that_runs_already_is_attached_to(stubs):
    scene(stubs, ["echo ACTIVE"], ["echo running", "echo 0"])
    assert run(stubs).returncode == 0
    assert verbs(stubs) == ["status", "follow", "status", "delete"]


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"]
)
def test_a_signal_has_the_command_save_and_deletes(stubs, number, code):
    scene(stubs, ["echo ACTIVE"], ["echo none"])
    stubs.on("gcloud", "*tpu_worker.sh follow*", "exec /bin/sleep 60")
    process = stubs.start(SCRIPT, *OPTIONS, *COMMAND)
    stubs.wait_for_call("--command=bash tpu_worker.sh follow")
    process.send_signal(number)
    printed, _ = process.communicate(timeout=30)
    assert process.returncode == code, printed
    assert verbs(stubs)[-3:] == ["follow", "stop", "delete"]


def test_a_signal_while_waiting_deletes_the_request(stubs):
    scene(stubs, [NOT_FOUND, "echo WAITING_FOR_RESOURCES"], ["exit 1"])
    stubs.on("sleep", "*", "exec /bin/sleep 60")
    process = stubs.start(SCRIPT, *OPTIONS, *COMMAND)
    stubs.wait_for_call("sleep")
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=30)
    assert process.returncode == 130, printed
    assert verbs(stubs) == ["create", "delete"]


def test_keep_deletes_nothing_and_says_how(stubs):
    scene(stubs, ["echo ACTIVE"], ["echo none", "echo 0"])
    result = run(stubs, "--keep")
    assert result.returncode == 0
    assert "delete" not in verbs(stubs)
    assert "costs until it is deleted: gcloud " + " ".join(DELETE) in result.stderr


def test_a_deletion_that_fails_is_shouted(stubs):
    scene(stubs, ["echo ACTIVE"], ["echo none", "echo 0"])
    stubs.on("gcloud", "*delete*", "exit 1")
    result = run(stubs)
    assert "base IS NOT DELETED and goes on costing. Delete it: gcloud " in result.stderr


def test_secrets_go_by_name(stubs):
    result = run(stubs, "--secret", "WANDB_API_KEY=wandb", "--dry-run")
    assert "tpu_worker.sh start --secret WANDB_API_KEY=wandb python" in result.stdout


@pytest.mark.parametrize(
    ("options", "command", "message"),
    [
        (("--name", "Base"), COMMAND, "--name is 'Base'"),
        (("--zone", "us-west4"), COMMAND, "--zone is 'us-west4'"),
        (("--topology", "v5e:3x3"), COMMAND, "v5e's slices are 1x1 2x2 2x4"),
        (("--topology", "v9:2x2"), COMMAND, "--topology is 'v9:2x2'"),
        (("--slices", "0"), COMMAND, "--slices is '0'"),
        (("--secret", "hf_abc"), COMMAND, "the name of a secret, never its value"),
        (("--zone",), COMMAND, "--zone needs a value"),
        (("--spott",), COMMAND, "'--spott' is no option"),
        ((), (), "There is no command"),
        ((), ("--", "python", "-m", "t5x.train"), "No argument names a gs:// folder"),
    ],
)
def test_arguments_are_checked_before_anything_is_asked(stubs, options, command, message):
    result = run(stubs, *options, command=command)
    assert result.returncode == 2
    assert message in result.stderr
    assert stubs.calls() == []


def test_help_is_the_head_of_the_script(stubs):
    result = stubs.run(SCRIPT, "--help")
    assert result.returncode == 0
    assert result.stdout.startswith("Runs a command on a Cloud TPU")
    assert "--valid-until DURATION" in result.stdout
