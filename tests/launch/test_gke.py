"""launch/gke/run.sh: the JobSet that it hands to Kubernetes."""

import shlex

import pytest
import yaml

from tests.launch.stubs import LAUNCH, Stubs

SCRIPT = LAUNCH / "gke" / "run.sh"
IMAGE = "europe-docker.pkg.dev/our-project/t5/t5:1"
OPTIONS = ("--name", "base", "--image", IMAGE, "--topology", "v5e:4x4")
OVERRIDE = """--gin.MODEL_DIR='gs://our-bucket/a @NAME@ "run" \\ $HOME'"""
COMMAND = ("--", "python", "-m", "t5x.train", OVERRIDE, "--tfds_data_dir=gs://our-data/tfds")


@pytest.fixture
def stubs(tmp_path):
    return Stubs(tmp_path, "kubectl")


def run(stubs, *options, command=COMMAND):
    return stubs.run(SCRIPT, *OPTIONS, *options, *command)


def jobset(stubs, *options, command=COMMAND):
    result = run(stubs, *options, "--dry-run", command=command)
    assert result.returncode == 0, result.stderr
    return yaml.safe_load(result.stdout.split("\n---\n")[0])


def pod(manifest):
    return manifest["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]["spec"]


def test_the_manifest(stubs):
    manifest = jobset(stubs, "--slices", "2", "--spot", "--queue", "multislice-queue",
                      "--service-account", "trainer", "--restarts", "5")  # fmt: skip
    assert (manifest["apiVersion"], manifest["kind"]) == ("jobset.x-k8s.io/v1alpha2", "JobSet")
    assert manifest["metadata"]["name"] == "base"
    assert manifest["metadata"]["labels"] == {"kueue.x-k8s.io/queue-name": "multislice-queue"}
    assert manifest["spec"]["failurePolicy"]["maxRestarts"] == 5
    (job,) = manifest["spec"]["replicatedJobs"]
    assert job["replicas"] == 2
    hosts = job["template"]["spec"]
    assert (hosts["parallelism"], hosts["completions"], hosts["backoffLimit"]) == (4, 4, 0)
    assert pod(manifest)["serviceAccountName"] == "trainer"
    assert pod(manifest)["nodeSelector"] == {
        "cloud.google.com/gke-tpu-accelerator": "tpu-v5-lite-podslice",
        "cloud.google.com/gke-tpu-topology": "4x4",
        "cloud.google.com/gke-spot": "true",
    }
    (container,) = pod(manifest)["containers"]
    assert container["image"] == IMAGE
    assert container["resources"] == {"limits": {"google.com/tpu": 4}}


def test_the_command_keeps_its_words_and_finds_its_buckets(stubs):
    manifest = jobset(stubs)
    (container,) = pod(manifest)["containers"]
    assert container["command"] == [
        "python", "-m", "t5x.train",
        """--gin.MODEL_DIR='/gcs/our-bucket/a @NAME@ "run" \\ $HOME'""",
        "--tfds_data_dir=/gcs/our-data/tfds",
    ]  # fmt: skip
    mounted = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounted == {"bucket-0": "/gcs/our-bucket", "bucket-1": "/gcs/our-data"}
    buckets = {
        v["name"]: v["csi"]["volumeAttributes"]["bucketName"] for v in pod(manifest)["volumes"]
    }
    assert buckets == {"bucket-0": "our-bucket", "bucket-1": "our-data"}


def test_secrets_go_by_name(stubs):
    (container,) = pod(jobset(stubs, "--secret", "WANDB_API_KEY=wandb"))["containers"]
    assert container["env"] == [
        {
            "name": "WANDB_API_KEY",
            "valueFrom": {"secretKeyRef": {"name": "wandb", "key": "WANDB_API_KEY"}},
        }
    ]


@pytest.mark.parametrize(
    ("topology", "accelerator", "hosts", "chips"),
    [
        ("v4:2x2x4", "tpu-v4-podslice", 4, 4),
        ("v5e:1x1", "tpu-v5-lite-podslice", 1, 1),
        ("v5p:2x2x1", "tpu-v5p-slice", 1, 4),
        ("v6e:2x4", "tpu-v6e-slice", 2, 4),
    ],
)
def test_slices_are_named_as_preflight_names_them(stubs, topology, accelerator, hosts, chips):
    manifest = jobset(stubs, "--topology", topology)
    job = manifest["spec"]["replicatedJobs"][0]["template"]["spec"]
    assert job["completions"] == hosts
    assert pod(manifest)["nodeSelector"]["cloud.google.com/gke-tpu-accelerator"] == accelerator
    assert pod(manifest)["containers"][0]["resources"]["limits"] == {"google.com/tpu": chips}


def test_a_wrong_configuration_ends_the_run_and_a_lost_machine_does_not(stubs):
    spec = jobset(stubs)["spec"]
    (rule,) = spec["failurePolicy"]["rules"]
    assert (rule["action"], rule["onJobFailureReasons"]) == ("FailJobSet", ["PodFailurePolicy"])
    (wrong,) = spec["replicatedJobs"][0]["template"]["spec"]["podFailurePolicy"]["rules"]
    assert wrong["onExitCodes"] == {"containerName": "train", "operator": "In", "values": [1, 2]}


def test_a_run_applies_the_manifest_and_tells_how_to_watch(stubs):
    stubs.on("kubectl", "apply *", 'cp "${2#--filename=}" applied.yaml')
    result = run(stubs)
    assert result.returncode == 0, result.stderr
    (applied,) = stubs.calls("kubectl")
    assert applied[0] == "apply"
    assert yaml.safe_load((stubs.folder / "applied.yaml").read_text()) == jobset(stubs)
    told = [shlex.split(line)[:3] for line in result.stdout.splitlines()]
    assert told[0] == ["kubectl", "get", "jobset,pods"]
    assert told[-1] == ["kubectl", "delete", "jobset"]


def test_a_manifest_that_is_refused_ends_with_kubectl_s_code(stubs):
    stubs.on("kubectl", "apply *", "echo 'no matches for kind JobSet' >&2; exit 1")
    result = run(stubs)
    assert result.returncode == 1
    assert "no matches for kind JobSet" in result.stderr


@pytest.mark.parametrize(
    ("options", "command", "message"),
    [
        (("--name", "-base"), COMMAND, "--name is '-base'"),
        (("--image", "a b"), COMMAND, "--image is 'a b'"),
        (("--topology", "v5e:4x5"), COMMAND, "v5e's slices are"),
        (("--chips-per-host", "3"), COMMAND, "does not divide the 16 chips of v5e:4x4"),
        (("--secret", "KEY=a=b"), COMMAND, "the name of a secret, never its value"),
        ((), ("--", "python"), "No argument names a gs:// folder"),
        ((), ("--", "a\nb", "gs://our-bucket"), "has a line break"),
    ],
)
def test_arguments_are_checked(stubs, options, command, message):
    result = run(stubs, *options, command=command)
    assert result.returncode == 2, result.stdout
    assert message in result.stderr
    assert stubs.calls() == []
