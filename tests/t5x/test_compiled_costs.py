"""Costs of compiled programs whose arithmetic, traffic and exchanges are known."""

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from t5x.collectives import group_size
from t5x.compiled_costs import CollectiveTotal, compiled_costs, costs_of_text

F32 = 4


def compiled(function, *shapes, **options):
    arguments = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
    return jax.jit(function, **options).lower(*arguments).compile()


def test_a_product_in_a_loop_counts_as_often_as_it_runs():
    def function(x, weights):
        return jax.lax.scan(lambda carry, w: (jnp.tanh(carry @ w), None), x, weights)[0]

    costs = compiled_costs(compiled(function, (8, 16), (5, 16, 16)))
    assert costs.flops == 5 * 2 * 8 * 16 * 16
    assert costs.unknown_loops == ()
    # Each of the five weights is read once; the stack of them is not read five times.
    assert costs.hbm_bytes < 5 * F32 * (3 * 16 * 16 + 12 * 8 * 16)


def test_loops_in_loops_multiply():
    def function(x, w):
        def inner(_, y):
            return jnp.sin(y @ w)

        def outer(i, y):
            return jax.lax.fori_loop(0, 3, inner, y) + i

        return jax.lax.fori_loop(0, 7, outer, x)

    costs = compiled_costs(compiled(function, (4, 8), (8, 8)))
    assert costs.flops == 7 * 3 * 2 * 4 * 8 * 8


def test_a_loop_that_may_end_early_counts_as_long_as_it_can_run():
    def function(x, w):
        def goes_on(state):
            i, y = state
            return (i < 11) & (jnp.max(y) < 100)

        return jax.lax.while_loop(goes_on, lambda s: (s[0] + 1, s[1] @ w), (0, x))

    costs = compiled_costs(compiled(function, (4, 8), (8, 8)))
    assert costs.flops == 11 * 2 * 4 * 8 * 8
    assert costs.unknown_loops == ()


def test_a_loop_whose_end_depends_on_data_alone_is_named():
    def function(x, w):
        return jax.lax.while_loop(lambda y: jnp.max(y) < 100, lambda y: y @ w, x)

    program = compiled(function, (4, 8), (8, 8))
    costs = compiled_costs(program)
    assert costs.flops == 2 * 4 * 8 * 8
    assert len(costs.unknown_loops) == 1
    assert compiled_costs(program, data_trips=13).flops == 13 * costs.flops


def test_of_branches_the_costliest_counts():
    def function(x, w):
        return jax.lax.cond(jnp.sum(x) > 0, lambda: x @ w @ w, lambda: x @ w)

    assert compiled_costs(compiled(function, (8, 32), (32, 32))).flops == 2 * 2 * 8 * 32 * 32


def test_the_gradients_of_a_sharded_batch_are_summed_over_the_devices():
    mesh = Mesh(jax.devices()[:8], ("data",))
    rows, whole = (NamedSharding(mesh, PartitionSpec(*spec)) for spec in (("data",), ()))

    def loss(w, x):
        return jnp.sum(jnp.square(x @ w))

    program = compiled(
        jax.grad(loss), (16, 32), (64, 16), in_shardings=(whole, rows), out_shardings=whole
    )
    costs = compiled_costs(program)
    size = F32 * 16 * 32
    assert costs.collectives == {"all-reduce": CollectiveTotal(1, size, 2 * size * 7 / 8)}
    assert costs.flops == 2 * 2 * (64 // 8) * 16 * 32


@pytest.mark.parametrize(
    ("collective", "kind", "shard", "link"),
    [
        (lambda x: jax.lax.all_gather(x, "d"), "all-gather", 8, 7),
        (lambda x: jax.lax.psum_scatter(x, "d", tiled=True), "reduce-scatter", 1, 7 / 8),
        (lambda x: jax.lax.ppermute(x, "d", [(i, (i + 1) % 8) for i in range(8)]),
         "collective-permute", 1, 1),
        (lambda x: jax.lax.all_to_all(x, "d", 0, 0, tiled=True), "all-to-all", 1, 7 / 8),
    ],
)  # fmt: skip
def test_exchanges_by_kind(collective, kind, shard, link):
    mesh = jax.make_mesh((8,), ("d",), axis_types=(jax.sharding.AxisType.Auto,))
    spec = PartitionSpec("d")
    function = jax.shard_map(collective, mesh=mesh, in_specs=spec, out_specs=spec, check_vma=False)
    mine = F32 * 16 * 4
    totals = compiled_costs(compiled(function, (8 * 16, 4))).collectives
    assert totals == {kind: CollectiveTotal(1, mine * shard, mine * link)}


def test_what_a_fusion_keeps_inside_is_not_moved():
    costs = compiled_costs(compiled(lambda x: jnp.exp(jnp.sin(x) * 2) + 1, (64, 64)))
    assert costs.hbm_bytes == 2 * F32 * 64 * 64
    assert costs.flops == 0


TPU_PROGRAM = """
HloModule jit_step, is_scheduled=true, num_partitions=8

%fused_slice (p.0: bf16[6,256,512], p.1: s32[]) -> bf16[256,512] {
  %p.0 = bf16[6,256,512]{2,1,0:T(8,128)(2,1)} parameter(0)
  %p.1 = s32[]{:T(128)S(6)} parameter(1)
  %zero = s32[]{:T(128)} constant(0)
  %slice = bf16[1,256,512]{2,1,0:T(8,128)(2,1)} dynamic-slice(%p.0, %p.1, %zero, %zero), dynamic_slice_sizes={1,256,512}
  ROOT %flat = bf16[256,512]{1,0:T(8,128)(2,1)} bitcast(%slice)
}

%fused_product (q.0: bf16[128,256], q.1: bf16[6,256,512], q.2: s32[], q.3: bf16[6,128,512]) -> bf16[6,128,512] {
  %q.0 = bf16[128,256]{1,0:T(8,128)(2,1)S(1)} parameter(0)
  %q.1 = bf16[6,256,512]{2,1,0:T(8,128)(2,1)} parameter(1)
  %q.2 = s32[]{:T(128)S(6)} parameter(2)
  %q.3 = bf16[6,128,512]{2,1,0:T(8,128)(2,1)} parameter(3)
  %zero.1 = s32[]{:T(128)} constant(0)
  %weight = bf16[256,512]{1,0:T(8,128)(2,1)} fusion(%q.1, %q.2), kind=kLoop, calls=%fused_slice
  %product = bf16[128,512]{1,0:T(8,128)(2,1)} convolution(%q.0, %weight), dim_labels=bf_io->bf
  %raised = bf16[1,128,512]{2,1,0:T(8,128)(2,1)} bitcast(%product)
  ROOT %put = bf16[6,128,512]{2,1,0:T(8,128)(2,1)} dynamic-update-slice(%q.3, %raised, %q.2, %zero.1, %zero.1)
}

%add (x: bf16[], y: bf16[]) -> bf16[] {
  %x = bf16[] parameter(0)
  %y = bf16[] parameter(1)
  ROOT %sum = bf16[] add(%x, %y)
}

%body (s: (s32[], bf16[128,256], bf16[6,256,512], bf16[6,128,512], s32[])) -> (s32[], bf16[128,256], bf16[6,256,512], bf16[6,128,512], /*index=4*/s32[]) {
  %s = (s32[]{:T(128)}, bf16[128,256]{1,0:T(8,128)(2,1)S(1)}, bf16[6,256,512]{2,1,0:T(8,128)(2,1)}, bf16[6,128,512]{2,1,0:T(8,128)(2,1)}, /*index=4*/s32[]{:T(128)}) parameter(0)
  %one = s32[]{:T(128)} constant(1)
  %i = s32[]{:T(128)} get-tuple-element(%s), index=0
  %i.copy = s32[]{:T(128)S(6)} copy(%i)
  %next = s32[]{:T(128)} add(%i.copy, %one)
  %x.1 = bf16[128,256]{1,0:T(8,128)(2,1)S(1)} get-tuple-element(%s), index=1
  %w = bf16[6,256,512]{2,1,0:T(8,128)(2,1)} get-tuple-element(%s), index=2
  %out = bf16[6,128,512]{2,1,0:T(8,128)(2,1)} get-tuple-element(%s), index=3
  %bound = s32[]{:T(128)} get-tuple-element(%s), index=4
  %filled = bf16[6,128,512]{2,1,0:T(8,128)(2,1)} fusion(%x.1, %w, %i.copy, %out), kind=kOutput, calls=%fused_product, metadata={op_name="jit(step)/while/body/dot_general"}
  ROOT %state = (s32[]{:T(128)}, bf16[128,256]{1,0:T(8,128)(2,1)S(1)}, bf16[6,256,512]{2,1,0:T(8,128)(2,1)}, bf16[6,128,512]{2,1,0:T(8,128)(2,1)}, /*index=4*/s32[]{:T(128)}) tuple(%next, %x.1, %w, %filled, %bound)
}

%condition (c: (s32[], bf16[128,256], bf16[6,256,512], bf16[6,128,512], s32[])) -> pred[] {
  %c = (s32[]{:T(128)}, bf16[128,256]{1,0:T(8,128)(2,1)S(1)}, bf16[6,256,512]{2,1,0:T(8,128)(2,1)}, bf16[6,128,512]{2,1,0:T(8,128)(2,1)}, /*index=4*/s32[]{:T(128)}) parameter(0)
  %i.1 = s32[]{:T(128)} get-tuple-element(%c), index=0
  %bound.1 = s32[]{:T(128)} get-tuple-element(%c), index=4
  ROOT %less = pred[]{:T(512)} compare(%i.1, %bound.1), direction=LT
}

ENTRY %main (x.2: bf16[128,256], w.1: bf16[6,256,512]) -> bf16[6,128,512] {
  %start = s32[]{:T(128)} constant(0)
  %six = s32[]{:T(128)} constant(6)
  %x.2 = bf16[128,256]{1,0:T(8,128)(2,1)} parameter(0), sharding={devices=[8,1]<=[8]}
  %w.1 = bf16[6,256,512]{2,1,0:T(8,128)(2,1)} parameter(1), sharding={replicated}
  %fetch = (bf16[128,256]{1,0:T(8,128)(2,1)S(1)}, bf16[128,256]{1,0:T(8,128)(2,1)}, u32[]{:S(2)}) copy-start(%x.2)
  %fetched = bf16[128,256]{1,0:T(8,128)(2,1)S(1)} copy-done(%fetch)
  %empty = bf16[6,128,512]{2,1,0:T(8,128)(2,1)} custom-call(), custom_call_target="AllocateBuffer"
  %init = (s32[]{:T(128)}, bf16[128,256]{1,0:T(8,128)(2,1)S(1)}, bf16[6,256,512]{2,1,0:T(8,128)(2,1)}, bf16[6,128,512]{2,1,0:T(8,128)(2,1)}, /*index=4*/s32[]{:T(128)}) tuple(%start, %fetched, %w.1, %empty, %six)
  %loop = (s32[]{:T(128)}, bf16[128,256]{1,0:T(8,128)(2,1)S(1)}, bf16[6,256,512]{2,1,0:T(8,128)(2,1)}, bf16[6,128,512]{2,1,0:T(8,128)(2,1)}, /*index=4*/s32[]{:T(128)}) while(%init), condition=%condition, body=%body
  %stack = bf16[6,128,512]{2,1,0:T(8,128)(2,1)} get-tuple-element(%loop), index=3
  %kernel.1 = bf16[6,128,512]{2,1,0:T(8,128)(2,1)} custom-call(%stack), custom_call_target="tpu_custom_call", metadata={op_name="jit(step)/attention"}, backend_config={"custom_call_config": {"body": "(((", "cost_estimate": {"flops": "5000", "transcendentals": "7", "bytes_accessed": "1"}}}
  %silent.2 = bf16[6,128,512]{2,1,0:T(8,128)(2,1)} custom-call(%kernel.1), custom_call_target="tpu_custom_call", metadata={op_name="jit(step)/unheard"}, backend_config={"custom_call_config": {"body": "x"}}
  ROOT %all-reduce.3 = bf16[6,128,512]{2,1,0:T(8,128)(2,1)} all-reduce(%silent.2), channel_id=1, replica_groups=mesh['axis_0'=8,'axis_1'=1] {'axis_0'}, use_global_device_ids=true, to_apply=%add
}
"""  # noqa: E501


def test_a_program_of_a_tpu():
    costs = costs_of_text(TPU_PROGRAM)
    assert costs.flops == 6 * 2 * 128 * 256 * 512 + 5000
    assert costs.uncounted == ("silent.2",)
    stack, weight, x, row = 2 * 6 * 128 * 512, 2 * 256 * 512, 2 * 128 * 256, 2 * 128 * 512
    fusion = next(i for i in costs.instructions if i.name == "filled")
    counter = 4
    assert fusion.times == 6
    assert fusion.hbm_bytes == weight + row  # x and the counter lie in the chip's own memories
    assert fusion.bytes_accessed == weight + row + x + counter
    fetch = next(i for i in costs.instructions if i.name == "fetch")
    assert (fetch.hbm_bytes, fetch.bytes_accessed) == (x, 2 * x)
    kernels = [i for i in costs.instructions if i.opcode == "custom-call"]
    assert [i.hbm_bytes for i in kernels] == [2 * stack, 2 * stack]
    assert costs.collectives == {"all-reduce": CollectiveTotal(1, stack, 2 * stack * 7 / 8)}


def test_a_slice_that_is_fetched_moves_no_more_than_itself():
    costs = costs_of_text("""
ENTRY %main (x: bf16[64,128]) -> bf16[16,128] {
  %x = bf16[64,128]{1,0:T(8,128)(2,1)} parameter(0)
  %begun = ((bf16[64,128]{1,0:T(8,128)(2,1)}), bf16[16,128]{1,0:T(8,128)(2,1)S(1)}, s32[]{:S(2)}) slice-start(%x), slice={[0:16], [0:128]}
  ROOT %done = bf16[16,128]{1,0:T(8,128)(2,1)S(1)} slice-done(%begun)
}""")  # noqa: E501
    slice_bytes = 2 * 16 * 128
    assert (costs.hbm_bytes, costs.bytes_accessed) == (slice_bytes, 2 * slice_bytes)


# As XLA for TPUs writes the sum of a gradient over three slices of four chips.
THREE_SLICES = """
%add (x: f32[], y: f32[]) -> f32[] {
  %x = f32[] parameter(0)
  %y = f32[] parameter(1)
  ROOT %sum = f32[] add(%x, %y)
}

ENTRY %main (g: f32[1024,512]) -> f32[1024,512] {
  %g = f32[1024,512]{1,0:T(8,128)} parameter(0)
  %begun = token[] after-all(), frontend_attributes={MegascaleRendezvousKeyName="all-reduce.1_0"}
  %mine = f32[256,512]{1,0:T(8,128)} reduce-scatter(%g), channel_id=1, replica_groups={{0,1,2,3}}, dimensions={0}, to_apply=%add
  %sent = (f32[256,512]{1,0:T(8,128)}, u32[], token[]) send(%mine, %begun), channel_id=2, is_host_transfer=true, frontend_attributes={_xla_megascale_reduce_operation="SUM",_xla_megascale_target="{1,2,3}x{0:3}",_xla_megascale_transfer_type="ALL_REDUCE"}
  %received = (f32[256,512]{1,0:T(8,128)}, u32[], token[]) recv(%begun), channel_id=1, is_host_transfer=true, frontend_attributes={_xla_megascale_reduce_operation="SUM",_xla_megascale_target="{1,2,3}x{0:3}",_xla_megascale_transfer_type="ALL_REDUCE"}
  %sent.1 = token[] send-done(%sent), channel_id=2, is_host_transfer=true
  %received.1 = (f32[256,512]{1,0:T(8,128)}, token[]) recv-done(%received), channel_id=1, is_host_transfer=true
  %sum.1 = f32[256,512]{1,0:T(8,128)} get-tuple-element(%received.1), index=0
  ROOT %whole = f32[1024,512]{1,0:T(8,128)} all-gather(%sum.1), channel_id=3, replica_groups={{0,1,2,3}}, dimensions={0}
}
"""  # noqa: E501


def test_what_goes_from_slice_to_slice_is_a_kind_of_its_own():
    costs = costs_of_text(THREE_SLICES)
    whole = F32 * 1024 * 512
    part = whole / 4
    assert costs.collectives == {
        "all-gather": CollectiveTotal(1, whole, whole * 3 / 4),
        "all-reduce between slices": CollectiveTotal(1, part, 2 * part * 2 / 3),
        "reduce-scatter": CollectiveTotal(1, whole, whole * 3 / 4),
    }
    assert costs.link_bytes == 2 * whole * 3 / 4
    assert costs.network_bytes == 2 * part * 2 / 3
    # Each exchange reads what it sends and writes what it receives, once.
    assert costs.hbm_bytes == (whole + part) + part + part + (part + whole)


def test_a_sum_of_two_arrays_that_is_begun_writes_both():
    costs = costs_of_text("""
ENTRY %main (a: f32[8], b: f32[16]) -> (f32[8], f32[16]) {
  %a = f32[8]{0} parameter(0)
  %b = f32[16]{0} parameter(1)
  %begun = (f32[8]{0}, f32[16]{0}) all-reduce-start(%a, %b), replica_groups={{0,1}}, to_apply=%add
  ROOT %done = (f32[8]{0}, f32[16]{0}) all-reduce-done(%begun)
}""")
    size = F32 * 24
    assert costs.hbm_bytes == 2 * size
    assert costs.collectives == {"all-reduce": CollectiveTotal(1, size, size)}


@pytest.mark.parametrize("name", ["silent", "unheard"])
def test_a_caller_says_what_a_kernel_computes(name):
    costs = costs_of_text(TPU_PROGRAM, {name: 300, "attention": 40})
    assert costs.flops == 6 * 2 * 128 * 256 * 512 + 300 + 40
    assert costs.uncounted == ()


def test_the_costliest_instruction_comes_first():
    assert costs_of_text(TPU_PROGRAM).largest(1, by="flops")[0].name == "filled"


PRODUCTS = {
    # A batch of 12 products of [4, 8] with [8, 16]: the batch is an axis with holes.
    "f32[12,4,16]{2,1,0} convolution(%a, %b), window={size=12 stride=11 lhs_dilate=12},"
    " dim_labels=0bf_0io->0bf": ((12, 4, 8), (12, 8, 16), 12 * 4 * 8 * 16),
    # A window of 3 over 10 places, padded: the ends meet two elements, the middle three.
    "f32[2,10,5]{2,1,0} convolution(%a, %b), window={size=3 pad=1_1}, dim_labels=b0f_0io->b0f":
        ((2, 10, 7), (3, 7, 5), 2 * 5 * 7 * (3 * 10 - 2)),
    # Each of 6 features by itself.
    "f32[2,8,6]{2,1,0} convolution(%a, %b), window={size=3}, dim_labels=b0f_0io->b0f,"
    " feature_group_count=6": ((2, 10, 6), (3, 1, 6), 2 * 8 * 6 * 3),
    "f32[3,4,6]{2,1,0} dot(%a, %b), lhs_batch_dims={0}, lhs_contracting_dims={2},"
    " rhs_batch_dims={0}, rhs_contracting_dims={1}": ((3, 4, 5), (3, 5, 6), 3 * 4 * 5 * 6),
}  # fmt: skip


@pytest.mark.parametrize("line", PRODUCTS)
def test_multiplications_of_products(line):
    left, right, multiplications = PRODUCTS[line]
    a, b = (f"f32[{','.join(map(str, dims))}]{{2,1,0}}" for dims in (left, right))
    text = (
        "ENTRY %main (a: f32[], b: f32[]) -> f32[] {\n"
        f"  %a = {a} parameter(0)\n  %b = {b} parameter(1)\n  ROOT %c = {line}\n}}\n"
    )
    assert costs_of_text(text).flops == 2 * multiplications


@pytest.mark.parametrize(
    ("attributes", "devices"),
    [
        ("replica_groups={{0,2},{1,3}}", 2),
        ("replica_groups=[2,4]<=[4,2]T(1,0)", 4),
        ("replica_groups=mesh['a'=4,'b'=2] {'a','b'}", 8),
        ("replica_groups=mesh['a'=8,'b'=2] {'a':(2)4}", 4),
        ("source_target_pairs={{0,1},{1,2},{2,0}}", 3),
        ('_xla_megascale_target="{1:4}x{0:3}"', 4),
        ("channel_id=1", 1),
    ],
)
def test_sizes_of_groups(attributes, devices):
    assert group_size(attributes) == devices


def test_other_text_is_refused():
    with pytest.raises(ValueError, match="no text of a compiled program"):
        costs_of_text("module @jit_f { func.func public @main() }")
