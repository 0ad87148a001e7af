"""What a run takes, found out before it: on CPU devices, and for a TPU where `libtpu` is."""

import dataclasses
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from t5x.abstract_devices import (
    OutOfMemory,
    abstract_devices,
    available_hbm,
    compiled,
    read_refusal,
)
from t5x.collectives import Collective
from t5x.compiled_costs import Costs, InstructionCost, compiled_costs
from t5x.compiled_memory import Memory
from t5x.data import DatasetConfig
from t5x.errors import ConfigError, RunError
from t5x.fitting import decoding_suggestions, estimated, search, suggestions
from t5x.hardware import CHIPS, parse_topology
from t5x.model_costs import step_flops
from t5x.optimizers import adamw
from t5x.partitioning import PjitPartitioner, in_place_of_own, standard_logical_axis_rules
from t5x.preflight import preflight
from t5x.preflight_text import as_json, as_text, columns, mfu, run_costs
from t5x.roofline import roofline
from t5x.run_programs import AbsentVocabulary, configured_run, model_features
from t5x.schedules import create_learning_rate_scheduler
from t5x.sharding_table import sharded_groups
from t5x.train import train
from t5x.trainer import Trainer
from tests.t5x.toy_gin import TOY_GIN
from tests.t5x.toy_model import toy_model

ROOT = Path(__file__).resolve().parents[2]
LENGTHS = {"inputs": 12, "targets": 10}


def trainer_of(num_microbatches=None):
    def make(**arguments):
        return Trainer(
            learning_rate_fn=create_learning_rate_scheduler("constant", 0.001),
            num_microbatches=num_microbatches,
            **arguments,
        )

    return make


def bindings_of(rows=16, partitioner=None, **others):
    cfg = DatasetConfig("none", LENGTHS, "train", rows, shuffle=True, seed=0, pack=True)
    return {
        "model": toy_model(adamw(weight_decay=0.01)),
        "train_dataset_cfg": cfg,
        "train_eval_dataset_cfg": None,
        "infer_eval_dataset_cfg": dataclasses.replace(cfg, pack=False, split="validation"),
        "checkpoint_cfg": None,
        "partitioner": partitioner or PjitPartitioner(),
        "trainer_cls": trainer_of(),
        "model_dir": "nowhere",
        "total_steps": 1000,
        "eval_steps": 1,
        "eval_period": 1,
        **others,
    }


def run_of(**others):
    return configured_run(train, bindings_of(**others), jax.devices())


@pytest.fixture(scope="module")
def report():
    return preflight(lambda _: run_of(), parse_topology("h100:8"), jax.devices()[0], price=2.0)


def test_the_programs_are_those_of_the_run(report):
    step, decoding = report.programs
    assert (step.rows, step.tokens) == (16, 16 * 22)
    assert (decoding.rows, decoding.tokens) == (16, 16 * 10)
    assert step.costs.collectives.keys() == {"all-reduce"}
    run = run_of()
    shapes = {name: x.shape for name, x in run.batch.items()}
    assert step.model_flops == step_flops(run.state.params, shapes)
    assert 8 * step.costs.flops == pytest.approx(step.model_flops, rel=0.1)


def test_memory_by_kind_is_what_xla_counts(report):
    program = run_of().lower_train_step().compile()
    analysis, memory = program.memory_analysis(), report.programs[0].memory
    arguments = memory.parameters + memory.optimizer + memory.batch
    assert arguments == pytest.approx(analysis.argument_size_in_bytes, rel=0.02)
    temporaries = memory.activations + memory.temporaries
    assert temporaries == analysis.temp_size_in_bytes


def test_time_and_price_of_the_whole_run(report):
    step = report.programs[0].roofline
    costs = run_costs(report)
    assert costs.seconds == pytest.approx(1000 * step.seconds)
    assert costs.chip_hours == pytest.approx(8 * costs.seconds / 3600)
    assert costs.price == pytest.approx(2 * costs.chip_hours)
    used = report.programs[0].model_flops / (8 * 989e12 * step.seconds)
    assert mfu(report, report.programs[0]) == pytest.approx(used)


def test_the_text_and_the_json_say_the_same(report):
    text = as_text(report)
    told = json.loads(json.dumps(as_json(report)))
    assert text.endswith("It fits.")
    assert "compiled for CPU devices" in text
    assert told["fits"] is True and told["compiled_for"] == "cpu"
    assert told["mesh"] == {"data": 8, "model": 1}
    assert told["programs"][0]["memory"]["total"] == report.programs[0].memory.total
    assert told["programs"][0]["costs"]["collectives"]["all-reduce"]["count"] > 0
    assert told["run"]["steps"] == 1000


def test_a_roofline_of_known_work():
    def two(x, w):
        return jax.lax.optimization_barrier(x @ w) @ w

    shapes = (jax.ShapeDtypeStruct((256, 256), np.float32),) * 2
    costs = compiled_costs(jax.jit(two).lower(*shapes).compile())
    chip = dataclasses.replace(CHIPS["v5e"], flops=2.0 * 256**3, hbm_bandwidth=3.0 * 4 * 256**2)
    line = roofline(costs, chip)
    assert (line.products, line.links) == (2, 0)
    assert line.seconds == pytest.approx(2, rel=0.01)
    slow = roofline(costs, dataclasses.replace(chip, hbm_bandwidth=chip.hbm_bandwidth / 10))
    assert slow.bound_by == "HBM"
    assert slow.seconds == pytest.approx(20, rel=0.1)


def test_the_network_between_slices_has_a_rate_of_its_own():
    costs = Costs(
        (
            InstructionCost("a", "all-reduce", "", 2, collective=Collective("all-reduce", 8e9, 2)),
            InstructionCost(
                "b", "send", "", 1, collective=Collective("all-reduce between slices", 3e9, 2)
            ),
        )
    )
    chip = CHIPS["v5e"]
    line = roofline(costs, chip)
    assert (line.links, line.network) == (2 * 8e9 / 200e9, 3e9 / 3.125e9)
    assert (line.seconds, line.bound_by) == (line.network, "the network between slices")
    unstated = roofline(costs, dataclasses.replace(chip, network_bandwidth=0))
    assert (unstated.network, unstated.bound_by) == (0, "links")


def test_who_is_sharded_how_and_why():
    rules = standard_logical_axis_rules(parameter_partitioning_dims=2)
    partitioner = PjitPartitioner(num_partitions=2, logical_axis_rules=rules)
    run = run_of(partitioner=partitioner)
    groups = {group.name: group for group in sharded_groups(run.state, partitioner)}
    wo = groups["decoder/layers_*/mlp/wo/kernel"]
    assert (wo.arrays, wo.shape, wo.axes) == (1, (32, 16), ("mlp", "embed"))
    assert wo.spec == ("model", "data")
    assert wo.why == "mlp -> model, embed -> data"
    assert wo.parameter_bytes == 4 * 32 * 16 / 8
    assert wo.optimizer_bytes == 2 * wo.parameter_bytes  # mu and nu
    whole = sum(group.parameter_bytes for group in groups.values())
    expected = sum(
        x.dtype.itemsize * np.prod(x.sharding.shard_shape(x.shape))
        for x in jax.tree.leaves(run.state.params)
    )
    assert whole == expected


def test_an_axis_that_leaves_a_rest_is_whole_and_says_so():
    run = run_of(partitioner=PjitPartitioner(num_partitions=8))
    groups = {group.name: group for group in sharded_groups(run.state, run.partitioner)}
    bias = groups["encoder/relpos_bias/rel_embedding"]
    assert "heads whole: 4 over 8 leaves a rest" in bias.why


# ------------------------------------------------------------------ what to change

GIGA = 10**9


def memory_of(temporaries, parameters=1.0, optimizer=2.0, activations=0.0):
    sizes = (parameters, optimizer, 0.0, 0.0, activations, temporaries, 0.0)
    return Memory(*(size * GIGA for size in sizes))


def test_calculated_changes():
    # 16 rows over 8 devices: 2 rows a device take 8 GB, beside 3 GB that do not grow.
    found = suggestions(run_of(), memory_of(temporaries=8), available=8 * GIGA)
    bindings = {s.bindings[0]: s.needs for s in found}
    assert bindings["BATCH_SIZE = 8"] == 7 * GIGA
    assert bindings["trainer.Trainer.num_microbatches = 2"] == (1 + 2 + 1 + 4) * GIGA
    assert bindings["partitioning.PjitPartitioner.num_partitions = 2"] == 9.5 * GIGA
    dims = "partitioning.standard_logical_axis_rules.parameter_partitioning_dims = 2"
    assert bindings[dims] == (8 + 3 / 8) * GIGA


def test_what_follows_from_a_refusal_is_an_estimate():
    found = map(estimated, suggestions(run_of(), memory_of(temporaries=8), available=8 * GIGA))
    told = {s.bindings[0].partition(" = ")[0]: s.found_by for s in found}
    assert told["BATCH_SIZE"] == told["trainer.Trainer.num_microbatches"] == "estimated"
    assert told["network.T5Config.remat_policy"] == "not calculated"


def test_no_batch_is_suggested_where_the_model_alone_is_too_large():
    found = suggestions(run_of(), memory_of(1, parameters=5, optimizer=10), available=8 * GIGA)
    assert not [s for s in found if s.bindings[0].startswith(("BATCH_SIZE", "trainer"))]


def test_the_largest_batch_is_found_by_compiling():
    compiled_with = []

    def needs(bindings):
        compiled_with.append(bindings[0])
        name, _, value = bindings[0].partition(" = ")
        # Of 8 GB only 6 grow with the rows: more fit than was calculated.
        return (5 + 0.1 * int(value)) * GIGA if name == "BATCH_SIZE" else 20 * GIGA

    run = run_of(rows=64)
    found = search(run, memory_of(temporaries=8.4), 9 * GIGA, needs)
    assert [s.bindings for s in found] == [("BATCH_SIZE = 40",)]
    assert (found[0].needs, found[0].found_by) == (9 * GIGA, "compiled")
    assert len([b for b in compiled_with if b.startswith("BATCH")]) <= 3


def test_what_does_not_fit_and_was_calculated_is_not_called_found():
    found = search(run_of(), memory_of(temporaries=8), 8 * GIGA, lambda _: 9 * GIGA)
    assert found == []


def test_xla_refuses_in_several_ways():
    used = read_refusal(
        "Ran out of memory in memory space hbm. Used 20.57G of 15.75G hbm. Exceeded"
    )
    assert (used.needed, used.available) == (20.57 * 2**30, 15.75 * 2**30)
    assert read_refusal("INTERNAL: something else") is None


def test_a_smaller_batch_to_decode():
    # 16 rows over 8 devices: 2 rows a device take 8 GB, beside 3 GB that do not grow.
    found = decoding_suggestions(run_of(), 16, memory_of(temporaries=8), available=8 * GIGA)
    assert [(s.bindings[0], s.needs) for s in found] == [
        ("infer_eval/utils.DatasetConfig.batch_size = 8", 7 * GIGA)
    ]
    assert decoding_suggestions(run_of(), 16, memory_of(temporaries=8), 6 * GIGA) == []


# ------------------------------------------------------------------ configurations


@pytest.mark.parametrize("error", [OSError("no such file"), ConfigError("get it from its authors")])
def test_a_vocabulary_that_is_not_here_is_not_needed(error):
    class Absent:
        @property
        def vocab_size(self):
            raise error

    model = toy_model(adamw())
    model.output_vocabulary = Absent()
    run = run_of(model=model)
    assert not run.has_vocabularies
    assert run.model.output_vocabulary == AbsentVocabulary(
        vocab_size=run.model.module.config.vocab_size
    )
    assert run_of().has_vocabularies
    with pytest.raises(ConfigError, match="The vocabulary has"):
        run_of(model=toy_model(adamw(), vocab_size=8))


def test_a_run_that_decodes_nothing():
    assert run_of(infer_eval_dataset_cfg=None).decoding_batch is None


def test_features_are_those_of_the_converter():
    packed = model_features(toy_model(), LENGTHS, 4, pack=True)
    streamed = model_features(toy_model(), LENGTHS, 4, pack=True, streamed=True)
    assert packed == streamed
    assert packed["decoder_positions"].shape == (4, 10)
    assert "encoder_segment_ids" not in model_features(toy_model(), LENGTHS, 4, pack=False)


def test_a_batch_that_the_slice_does_not_divide():
    with pytest.raises(ConfigError, match="Batch size 12 is not divisible"):
        run_of(rows=12)


def test_partitioners_take_the_devices_that_are_given():
    with in_place_of_own(jax.devices()[:2]):
        assert PjitPartitioner().mesh.devices.size == 2
    assert PjitPartitioner().mesh.devices.size == 8


def test_a_partitioner_with_devices_of_its_own_is_refused():
    with pytest.raises(ConfigError, match="devices of its own choice"):
        configured_run(train, bindings_of(), jax.devices()[:4])


# ------------------------------------------------------------------ the command

needs_libtpu = pytest.mark.skipif(
    importlib.util.find_spec("libtpu") is None, reason="libtpu (extra: preflight) is not installed"
)


def test_without_the_compiler_of_tpus(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(RunError, match=r"needs the package libtpu.*\[preflight\]") as refused:
        abstract_devices(parse_topology("v5e:2x4"))
    assert refused.value.exit_code == 1


@needs_libtpu
@pytest.mark.parametrize(
    ("name", "slices", "settings", "mesh"),
    [
        ("v4:2x2x1", 1, {}, (4, 1)),
        ("v5e:1x1", 1, {}, (1, 1)),
        ("v5e:16x16", 1, {"num_partitions": 4}, (64, 4)),
        ("v5p:4x4x4", 1, {"num_partitions": 8}, (8, 8)),  # the torus has no axis of 8
        ("v5e:2x4", 2, {}, (16, 1)),
        ("v6e:2x4", 3, {"num_partitions": 2}, (12, 2)),
        ("v5e:4x4", 2, {"ici_mesh_shape": (8, 2), "dcn_mesh_shape": (2, 1)}, (16, 2)),
    ],
)
def test_meshes_of_slices(name, slices, settings, mesh):
    devices = abstract_devices(parse_topology(name, slices))
    partitioner = PjitPartitioner(devices=devices, **settings)
    assert partitioner.mesh.devices.shape == mesh
    per_slice = len(devices) // slices
    along_data = [getattr(d, "slice_index", 0) for d in partitioner.mesh.devices[:, 0]]
    assert along_data == [i for i in range(slices) for _ in range(per_slice // mesh[1])]


def command(tmp_path, *arguments):
    gin_file = tmp_path / "run.gin"
    gin_file.write_text(TOY_GIN)
    environment = {k: v for k, v in os.environ.items() if k not in ("XLA_FLAGS",)}
    return subprocess.run(
        [sys.executable, "-m", "t5chem.preflight", f"--gin_file={gin_file}", *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True,
    )  # fmt: skip


@pytest.mark.slow
def test_the_command_on_a_gpu_by_name(tmp_path):
    told = tmp_path / "told.json"
    arguments = ("--gin.MODEL_DIR='never'", "--topology=a100-80gb:2", f"--json={told}")
    result = command(tmp_path, *arguments)
    assert result.returncode == 0, result.stderr
    assert "training step: 8 rows" in result.stdout
    assert json.loads(told.read_text())["mesh"] == {"data": 2, "model": 1}
    assert not (ROOT / "never").exists()


@pytest.mark.slow
def test_the_command_with_a_slip_of_the_pen(tmp_path):
    result = command(tmp_path, "--gin.MODEL_DIR='never'", "--topology=v5e:2x")
    assert result.returncode == 2
    assert (
        "There is no slice --topology=v5e:2x. Did you mean 'v5e:2x4' or 'v5e:2x2'?" in result.stderr
    )


@pytest.mark.slow
@needs_libtpu
def test_the_command_on_a_tpu_slice(tmp_path):
    told = tmp_path / "told.json"
    arguments = ("--gin.MODEL_DIR='never'", "--topology=v5e:2x2", f"--json={told}", "--nodecode")
    result = command(tmp_path, *arguments)
    assert result.returncode == 0, result.stderr
    report = json.loads(told.read_text())
    assert report["available_hbm"] == 15.75 * 2**30
    assert report["programs"][0]["memory"]["total"] < 1e8


@needs_libtpu
@pytest.mark.slow
def test_a_program_that_is_too_large_for_a_tpu():
    code = (
        "import jax, jax.numpy as jnp\n"
        "from t5x.abstract_devices import abstract_devices, available_hbm\n"
        "from t5x.hardware import parse_topology\n"
        "for name in ('v4:2x2x1', 'v5e:1x1', 'v5p:2x2x1', 'v6e:2x2'):\n"
        "    devices = abstract_devices(parse_topology(name))\n"
        "    print(len(devices), available_hbm(devices[0]) / 2**30)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    sizes = [line.split() for line in result.stdout.splitlines()]
    assert [int(devices) for devices, _ in sizes] == [4, 1, 4, 4]
    assert [float(hbm) for _, hbm in sizes] == [30.75, 15.75, 95.74, 31.25]


def test_a_device_without_a_limit():
    assert available_hbm(jax.devices()[0]) is None


def test_other_failures_of_the_compiler_are_not_taken_for_memory():
    class Lowered:
        def compile(self):
            raise jax.errors.JaxRuntimeError("INTERNAL: a bug")

    with pytest.raises(jax.errors.JaxRuntimeError, match="a bug"):
        compiled(Lowered())

    class Refused:
        def compile(self):
            raise jax.errors.JaxRuntimeError(
                "RESOURCE_EXHAUSTED: the total memory required for HLO temporaries (2.00G) exceeds"
                " available HBM (1.00G)."
            )

    with pytest.raises(OutOfMemory, match=r"needs 2\.15 GB of HBM"):
        compiled(Refused())


def test_columns_line_up():
    assert columns([("a", "10", "x"), ("bcd", "7", "")], right=[1]) == ["  a    10  x", "  bcd   7"]
