"""launch/local.sh: processes that start, fail and end together."""

import shlex
import signal
import sys

import pytest

from tests.launch.stubs import LAUNCH, ROOT, Stubs
from tests.t5x.toy_gin import TOY_GIN

SCRIPT = LAUNCH / "local.sh"
INDEX = "index=${*: -1}; index=${index##*=}; "
FOR_EVER = "touch ready-$index; while :; do /bin/sleep 0.1; done"


@pytest.fixture
def stubs(tmp_path):
    return Stubs(tmp_path, "python", "nvidia-smi")


def log(stubs, index):
    return (stubs.folder / "logs" / f"process-{index}.log").read_text()


def test_each_process_is_told_who_it_is(stubs):
    stubs.on("python", "*", INDEX + 'echo "I am $index on $JAX_PLATFORMS"')
    override = "--gin.MODEL_DIR='a \"b\" $HOME'"
    result = stubs.run(SCRIPT, "--processes", "3", "--port", "9999", "--", "python", override)
    assert result.returncode == 0, result.stderr
    joined = ["--multiprocess_gpu", "--coordinator_address=127.0.0.1:9999", "--process_count=3"]
    assert sorted(stubs.calls("python")) == [
        [override, *joined, f"--process_index={index}"] for index in range(3)
    ]
    assert result.stdout == "I am 0 on cpu\n"
    assert [log(stubs, index) for index in range(3)] == [f"I am {i} on cpu\n" for i in range(3)]


def test_a_dry_run_prints_the_commands(stubs):
    command = ["python", "-m", "t5x.train", "--gin.MODEL_DIR='a b'"]
    result = stubs.run(SCRIPT, "--dry-run", "--", *command)
    joined = ["--multiprocess_gpu", "--coordinator_address=127.0.0.1:8476", "--process_count=2"]
    assert [shlex.split(line) for line in result.stdout.splitlines()] == [
        ["env", "JAX_PLATFORMS=cpu", *command, *joined, f"--process_index={index}"]
        for index in range(2)
    ]
    assert stubs.calls() == []
    assert not (stubs.folder / "logs").exists()


@pytest.mark.parametrize("visible", [None, "4,5,6,7"])
def test_gpus_are_divided(stubs, visible):
    stubs.on("nvidia-smi", "*", "printf '4\\n5\\n6\\n7\\n'")
    variables = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    result = stubs.run(SCRIPT, "--devices", "gpu", "--dry-run", "--", "python", **variables)
    told = [shlex.split(line)[1] for line in result.stdout.splitlines()]
    assert told == ["CUDA_VISIBLE_DEVICES=4,5", "CUDA_VISIBLE_DEVICES=6,7"]


def test_when_one_fails_the_others_have_a_grace_and_end(stubs):
    stubs.on("python", "*index=1", "echo 'out of memory'; exit 7")
    stubs.on("python", "*", "while :; do /bin/sleep 0.1; done")
    result = stubs.run(SCRIPT, "--grace", "1", "--", "python", "train")
    assert result.returncode == 7
    assert "process 1 of 2 ended with code 7" in result.stderr
    assert "logs/process-1.log); the others end within 1 s" in result.stderr
    assert log(stubs, 1) == "out of memory\n"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_has_all_save(stubs, number, code):
    stubs.on("python", "*", INDEX + "trap 'echo saved; exit 143' TERM; " + FOR_EVER)
    process = stubs.start(SCRIPT, "--", "python", "train")
    wait_until_ready(stubs)
    process.send_signal(number)
    printed, _ = process.communicate(timeout=30)
    assert process.returncode == code, printed
    assert ["saved" in log(stubs, index) for index in range(2)] == [True, True]


def test_a_second_signal_ends_all_at_once(stubs):
    stubs.on("python", "*", INDEX + "trap 'touch deaf-$index' TERM; " + FOR_EVER)
    process = stubs.start(SCRIPT, "--", "python", "train")
    wait_until_ready(stubs)
    process.send_signal(signal.SIGINT)
    wait_until_ready(stubs, "deaf")

    def ended():
        process.send_signal(signal.SIGINT)  # bash drops one that comes while it passes one on
        return process.poll() is not None

    stubs.wait_for(ended)
    assert process.returncode == 130, process.communicate()[0]


def wait_until_ready(stubs, word="ready"):
    stubs.wait_for(lambda: all((stubs.folder / f"{word}-{index}").exists() for index in range(2)))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--processes", "two", "--", "python"], "--processes is 'two'"),
        (["--processes", "--", "python"], "--processes needs a value"),
        (["--devices", "tpu", "--", "python"], "--devices is 'tpu': give cpu or gpu"),
        (["--port", "port", "--", "python"], "--port is 'port'"),
        (["python", "-m", "t5x.train"], "'python' is no option"),
        (["--processes", "2"], "There is no command"),
    ],
)
def test_arguments_are_checked(stubs, words, message):
    result = stubs.run(SCRIPT, *words)
    assert result.returncode == 2
    assert message in result.stderr
    assert stubs.calls() == []


def test_gpus_that_are_not_there_or_do_not_divide(stubs):
    stubs.on("nvidia-smi", "*", "exit 9", "printf '0\\n1\\n2\\n'")
    words = [SCRIPT, "--devices", "gpu", "--", "python"]
    assert "needs a GPU" in stubs.run(*words).stderr
    assert "--processes is 2, which does not divide the 3 GPUs (0 1 2)" in stubs.run(*words).stderr


@pytest.mark.slow
def test_two_processes_train_as_two_hosts_save_at_a_signal_and_go_on(tmp_path):
    stubs = Stubs(tmp_path)
    gin_file, model_dir = tmp_path / "toy.gin", tmp_path / "a run"
    gin_file.write_text(TOY_GIN)

    def start(steps):
        bindings = {
            "MODEL_DIR": f"'{model_dir}'",
            "TRAIN_STEPS": steps,
            "train.train_eval_dataset_cfg": None,
            "train.infer_eval_dataset_cfg": None,
            "utils.SaveCheckpointConfig.period": 10**6,
        }
        gin = [f"--gin.{name}={value}" for name, value in bindings.items()]
        return stubs.start(
            SCRIPT, "--", sys.executable, "-m", "t5x.train", f"--gin_file={gin_file}", *gin,
            PYTHONPATH=str(ROOT), XLA_FLAGS="--xla_force_host_platform_device_count=1",
        )  # fmt: skip

    first = start(10**6)
    stubs.wait_for((model_dir / "train" / "metrics.jsonl").exists, seconds=300)
    first.send_signal(signal.SIGTERM)
    printed, _ = first.communicate(timeout=120)
    assert first.returncode == 143, printed
    assert "on 2 hosts" in printed
    (saved,) = model_dir.glob("checkpoint_*")
    steps = int(saved.name.removeprefix("checkpoint_")) + 5

    second = start(steps)
    printed, _ = second.communicate(timeout=300)
    assert second.returncode == 0, printed
    assert (model_dir / f"checkpoint_{steps}").is_dir()
