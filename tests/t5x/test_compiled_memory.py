"""HBM of compiled programs by kind."""

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import NamedSharding, PartitionSpec

from t5x import hlo
from t5x.compiled_memory import (
    Memory,
    argument_bytes,
    compiled_memory,
    refused_memory,
    saved_activations,
    shard_bytes,
)
from t5x.partitioning import PjitPartitioner
from tests.t5x.toy_model import toy_batch, toy_model, toy_partitioner, toy_trainer

# Layers in loops: %stack is filled by the forward loop and read by the backward one; the weights
# only pass through both. The loss reads %last, and so does the backward pass, by way of a copy.
SCANNED = """
%forward_body (s: (s32[], f32[4,8], f32[3,8,8], f32[3,4,8])) -> (s32[], f32[4,8], f32[3,8,8], f32[3,4,8]) {
  %s = (s32[], f32[4,8], f32[3,8,8], f32[3,4,8]) parameter(0)
  %i = s32[] get-tuple-element(%s), index=0
  %x = f32[4,8]{1,0} get-tuple-element(%s), index=1
  %w = f32[3,8,8]{2,1,0} get-tuple-element(%s), index=2
  %k = f32[3,4,8]{2,1,0} get-tuple-element(%s), index=3
  %y = f32[4,8]{1,0} custom-call(%x, %w), custom_call_target="layer", metadata={op_name="jit(f)/jvp()/while/body/dot"}
  %put = f32[3,4,8]{2,1,0} custom-call(%k, %x), custom_call_target="put", metadata={op_name="jit(f)/jvp()/while/body/put"}
  ROOT %t = (s32[], f32[4,8], f32[3,8,8], f32[3,4,8]) tuple(%i, %y, %w, %put)
}

%backward_body (b: (s32[], f32[4,8], f32[3,8,8], f32[3,4,8])) -> (s32[], f32[4,8], f32[3,8,8], f32[3,4,8]) {
  ROOT %b = (s32[], f32[4,8], f32[3,8,8], f32[3,4,8]) parameter(0)
}

%condition (c: (s32[], f32[4,8], f32[3,8,8], f32[3,4,8])) -> pred[] {
  %c = (s32[], f32[4,8], f32[3,8,8], f32[3,4,8]) parameter(0)
  ROOT %no = pred[] constant(false)
}

ENTRY %main (w0: f32[3,8,8], x0: f32[4,8]) -> f32[4,8] {
  %w0 = f32[3,8,8]{2,1,0} parameter(0), metadata={op_name="state.params['w']"}
  %x0 = f32[4,8]{1,0} parameter(1), metadata={op_name="batch['x']"}
  %m0 = f32[3,8,8]{2,1,0} parameter(2), metadata={op_name="state.param_states[0].mu['w']"}
  %n0 = s32[] parameter(3), metadata={op_name="state.step"}
  %zero = s32[] constant(0)
  %empty = f32[3,4,8]{2,1,0} custom-call(), custom_call_target="AllocateBuffer"
  %init = (s32[], f32[4,8], f32[3,8,8], f32[3,4,8]) tuple(%zero, %x0, %w0, %empty)
  %loop = (s32[], f32[4,8], f32[3,8,8], f32[3,4,8]) while(%init), condition=%condition, body=%forward_body, metadata={op_name="jit(f)/jvp()/while"}
  %last = f32[4,8]{1,0} get-tuple-element(%loop), index=1
  %weights = f32[3,8,8]{2,1,0} get-tuple-element(%loop), index=2
  %stack = f32[3,4,8]{2,1,0} get-tuple-element(%loop), index=3
  %fetch = (f32[4,8]{1,0:S(1)}, f32[4,8]{1,0}, u32[]) copy-start(%last)
  %fetched = f32[4,8]{1,0:S(1)} copy-done(%fetch)
  %unread = f32[4,8]{1,0} custom-call(%last), custom_call_target="loss", metadata={op_name="jit(f)/jvp()/loss"}
  %grad = f32[4,8]{1,0} custom-call(%fetched), custom_call_target="loss", metadata={op_name="jit(f)/transpose(jvp())/loss"}
  %state = (s32[], f32[4,8], f32[3,8,8], f32[3,4,8]) tuple(%zero, %grad, %weights, %stack)
  %back = (s32[], f32[4,8], f32[3,8,8], f32[3,4,8]) while(%state), condition=%condition, body=%backward_body, metadata={op_name="jit(f)/transpose(jvp())/while"}
  ROOT %result = f32[4,8]{1,0} get-tuple-element(%back), index=1
}
"""  # noqa: E501


def test_activations_are_what_one_pass_makes_and_the_other_reads():
    stack, last = 4 * 3 * 4 * 8, 4 * 4 * 8
    assert saved_activations(hlo.parse(SCANNED)) == stack + last


def test_activations_in_the_chips_own_memory_take_no_hbm():
    fast = SCANNED.replace("%stack = f32[3,4,8]{2,1,0}", "%stack = f32[3,4,8]{2,1,0:S(1)}")
    assert saved_activations(hlo.parse(fast)) == 4 * 4 * 8


def test_arguments_by_kind():
    assert argument_bytes(hlo.parse(SCANNED)) == {
        "parameters": 4 * 3 * 8 * 8, "optimizer": 4 * 3 * 8 * 8, "batch": 4 * 4 * 8, "other": 4,
    }  # fmt: skip


@pytest.mark.parametrize("microbatches", [1, 2])
def test_a_training_step_by_kind(microbatches):
    batch = toy_batch(0, rows=16)
    trainer = toy_trainer(toy_model(), toy_partitioner(), microbatches)
    shapes = {name: jax.ShapeDtypeStruct(x.shape, x.dtype) for name, x in batch.items()}
    program = trainer.lower(shapes).compile()
    memory, analysis = compiled_memory(program), program.memory_analysis()
    state = trainer.train_state
    assert memory.parameters == sum(x.nbytes for x in jax.tree.leaves(state.params))
    assert memory.optimizer == sum(x.nbytes for x in jax.tree.leaves(state.param_states))
    assert memory.batch == sum(x.nbytes for x in batch.values()) / jax.device_count()
    xla = (
        analysis.argument_size_in_bytes + analysis.output_size_in_bytes
        - analysis.alias_size_in_bytes + analysis.temp_size_in_bytes
        + analysis.generated_code_size_in_bytes
    )  # fmt: skip
    assert memory.total == pytest.approx(xla, rel=0.02)
    assert 0 < memory.activations <= analysis.temp_size_in_bytes


def test_a_program_that_xla_refused():
    partitioner = PjitPartitioner(num_partitions=2)
    halves = NamedSharding(partitioner.mesh, PartitionSpec(None, "model"))
    kernel = jax.ShapeDtypeStruct((4, 6), jnp.float32, sharding=halves)
    batch = {"inputs": jax.ShapeDtypeStruct((8, 3), jnp.int32)}
    rows = partitioner.data_sharding
    memory = refused_memory({"kernel": kernel}, (kernel, kernel), batch, rows, 100)
    assert (memory.parameters, memory.optimizer) == (4 * 4 * 3, 2 * 4 * 4 * 3)
    assert (memory.batch, memory.temporaries) == (4 * 2 * 3, 100)
    decoding = refused_memory({"kernel": kernel}, None, batch, rows, 100)
    assert decoding.optimizer == 0


def test_arguments_that_have_no_names_are_told_by_their_shapes():
    shapes = [jax.ShapeDtypeStruct((8, 16), jnp.float32), jax.ShapeDtypeStruct((4, 8), jnp.float32)]
    program = jax.jit(lambda a, b: b @ a).lower(*shapes).compile()
    by_shape = Memory(4 * 8 * 16, 0, 4 * 4 * 8, 0, 0, 0, 0)
    memory = compiled_memory(program, by_shape)
    assert (memory.parameters, memory.batch) == (4 * 8 * 16, 4 * 4 * 8)
    assert memory.other == 4 * 4 * 16  # the result
    assert memory.total == compiled_memory(program).total


def test_what_a_device_holds_of_an_array():
    partitioner = PjitPartitioner(num_partitions=2)
    rows = jax.ShapeDtypeStruct((8, 6), jnp.bfloat16, sharding=partitioner.data_sharding)
    assert shard_bytes(rows) == 2 * 2 * 6
