"""Fusions of every kind: presence, masks, order, attention, operations, checkpointing."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, cast

import pytest
import torch
from polymodal_core.batch import Features
from polymodal_core.errors import PolymodalError
from polymodal_fusion.attention import Attention
from polymodal_fusion.multi_stream import MultiStream
from torch.utils.flop_counter import FlopCounterMode

from .columns import DIMS, SMALL, features, kinds, moved

KINDS = kinds()
SIZE = 6
SOME = {"image": [0, 1, 3, 4], "values": [1, 2, 3], "depth": [5, 3]}


def build(kind: str, **options: Any) -> Any:
    torch.manual_seed(0)
    return moved(KINDS[kind](DIMS, **options))


@pytest.mark.parametrize("kind", KINDS)
def test_every_column_gets_a_vector_for_each_row_that_has_it(kind: str) -> None:
    fusion = build(kind)
    given, rows = features(SIZE, SOME)
    fused = fusion(given, rows, size=SIZE)
    assert {column: tuple(found.shape) for column, found in fused.features.items()} == {
        column: (len(held), fusion.feature_dim) for column, held in SOME.items()
    }
    assert all(found.isfinite().all() for found in fused.features.values())


@pytest.mark.parametrize("kind", KINDS)
def test_columns_do_see_each_other_within_a_side(kind: str) -> None:
    fusion = build(kind)
    given, rows = features(SIZE, SOME)
    other = {**given, "depth": Features(given["depth"].pooled + 1, given["depth"].tokens,
                                        given["depth"].mask)}  # fmt: skip
    before, after = (fusion(item, rows, size=SIZE).features for item in (given, other))
    moved_rows = (before["image"] - after["image"]).abs().amax(dim=1) > 1e-6
    # Row 3 alone has both.
    assert moved_rows.tolist() == [False, False, True, False]


@pytest.mark.parametrize("kind", ["bottleneck", "reliability", "no_shared", "concatenation"])
def test_a_column_that_a_row_lacks_changes_nothing_to_the_last_bit(kind: str) -> None:
    # Rows 0 to 3 have image and values; depth belongs to rows 4 and 5, or is not there at all.
    fusion = build(kind)
    held = {"image": [0, 1, 2, 3], "values": [0, 1, 2, 3]}
    given, rows = features(SIZE, {**held, "depth": [4, 5]})
    without = {column: given[column] for column in held}
    full = fusion(given, rows, size=SIZE).features
    alone = fusion(without, {column: rows[column] for column in held}, size=SIZE).features
    for column in held:
        assert torch.equal(full[column], alone[column])


@pytest.mark.parametrize("kind", ["pairwise", "early"])
def test_where_all_tokens_meet_a_missing_column_changes_nothing_but_rounding(kind: str) -> None:
    # Its keys get exactly no weight; but the softmax sums over more places.
    fusion = build(kind).double()
    held = {"image": [0, 1, 2, 3], "values": [0, 1, 2, 3]}
    given, rows = features(SIZE, {**held, "depth": [4, 5]})
    given = {column: doubled(found) for column, found in given.items()}
    without = {column: given[column] for column in held}
    full = fusion(given, rows, size=SIZE).features
    alone = fusion(without, {column: rows[column] for column in held}, size=SIZE).features
    for column in held:
        torch.testing.assert_close(full[column], alone[column], atol=1e-12, rtol=0)
    other = {**given, "depth": Features(given["depth"].pooled * 5 - 1)}
    for column in held:
        torch.testing.assert_close(
            full[column], fusion(other, rows, size=SIZE).features[column], atol=1e-12, rtol=0
        )


def doubled(found: Features) -> Features:
    tokens = None if found.tokens is None else found.tokens.double()
    return Features(found.pooled.double(), tokens, found.mask)


@pytest.mark.parametrize("kind", KINDS)
def test_one_column_alone_yields_its_embedding(kind: str) -> None:
    fusion = build(kind)
    given, rows = features(SIZE, {"values": [4, 0]})
    fused = fusion(given, rows, size=SIZE).features
    assert list(fused) == ["values"]
    assert fused["values"].isfinite().all()
    assert not torch.equal(fused["values"][0], fused["values"][1])


@pytest.mark.parametrize("dirt", [1e3, float("nan")])
@pytest.mark.parametrize("kind", KINDS)
def test_what_stands_in_masked_tokens_changes_neither_outputs_nor_gradients(
    kind: str, dirt: float
) -> None:
    fusion = build(kind)
    given, rows = features(SIZE, SOME)
    found: list[tuple[Any, Any]] = []
    for fill in (0.0, dirt):
        dirty = {
            column: Features(
                item.pooled,
                None if item.tokens is None or item.mask is None
                else item.tokens.masked_fill(~item.mask[:, :, None], fill),
                item.mask,
            )
            for column, item in given.items()
        }  # fmt: skip
        fusion.zero_grad()
        out = fusion(dirty, rows, size=SIZE).features
        sum(value.square().sum() for value in out.values()).backward()
        grads = [None if p.grad is None else p.grad.clone() for p in fusion.parameters()]
        found.append((out, grads))
    for column in SOME:
        assert torch.equal(found[0][0][column], found[1][0][column])
    for first, second in zip(found[0][1], found[1][1], strict=True):
        assert (first is None) == (second is None)
        assert first is None or torch.equal(first, second)


@pytest.mark.parametrize("kind", ["bottleneck", "pairwise", "early"])
def test_a_token_counts_exactly_if_its_mask_says_so(kind: str) -> None:
    fusion = build(kind)
    given, rows = features(1, {"image": [0], "depth": [0]})
    image = given["image"]
    assert image.tokens is not None
    for place in range(image.tokens.shape[1]):
        changed = image.tokens.clone()
        changed[0, place] += 3.0
        for real in (True, False):
            mask = torch.ones(1, image.tokens.shape[1], dtype=torch.bool)
            mask[0, place] = real
            before, after = (
                fusion({**given, "image": Features(image.pooled, tokens, mask)}, rows, size=1)
                for tokens in (image.tokens, changed)
            )
            for column in ("image", "depth"):
                same = torch.equal(before.features[column], after.features[column])
                assert same != real


@pytest.mark.parametrize("kind", KINDS)
def test_permuting_rows_permutes_outputs(kind: str) -> None:
    fusion = build(kind).double()
    given, rows = features(SIZE, SOME)
    given = {column: doubled(found) for column, found in given.items()}
    order = torch.tensor([4, 2, 0, 5, 1, 3])  # row r becomes row order[r]
    shuffled, places = {}, {}
    for column, item in given.items():
        places[column], by = order[rows[column]].sort()
        shuffled[column] = Features(
            item.pooled[by],
            None if item.tokens is None else item.tokens[by],
            None if item.mask is None else item.mask[by],
        )
    before = fusion(given, rows, size=SIZE).features
    after = fusion(shuffled, places, size=SIZE).features
    for column in SOME:
        by = order[rows[column]].argsort()
        torch.testing.assert_close(after[column], before[column][by], atol=1e-12, rtol=0)


def test_the_order_in_which_columns_are_named_means_nothing() -> None:
    fusion = build("bottleneck")
    given, rows = features(SIZE, SOME)
    turned = dict(reversed(given.items()))
    first, second = (fusion(item, rows, size=SIZE).features for item in (given, turned))
    for column in SOME:
        assert torch.equal(first[column], second[column])


@pytest.mark.parametrize("kind", ["bottleneck", "pairwise", "early", "reliability"])
def test_attention_of_the_shared_blocks_is_a_distribution_and_changes_no_output(kind: str) -> None:
    fusion = build(kind)
    given, rows = features(SIZE, SOME)
    plain = fusion(given, rows, size=SIZE)
    fused = fusion(given, rows, size=SIZE, attention=True)
    assert plain.attention is None
    assert fused.attention is not None
    total = torch.zeros(SIZE, len(fusion.shared), 4, 3)
    for column, maps in fused.attention.items():
        torch.testing.assert_close(
            fused.features[column], plain.features[column], atol=1e-5, rtol=1e-4
        )
        item = given[column]
        length = 0 if item.tokens is None else item.tokens.shape[1]
        assert maps.shape == (len(SOME[column]), len(fusion.shared), 4, 3 + 1, 1 + length)
        assert (maps >= 0).all()
        if item.mask is not None:
            padding = maps[..., 1:].amax(dim=(1, 2, 3))[~item.mask]
            assert (padding == 0).all()
        total[rows[column]] += maps[:, :, :, :3].sum(dim=-1)
        own = maps[:, :, :, 3].sum(dim=-1)
        assert (own < 1 + 1e-5).all()  # the rest it reads elsewhere
        assert (own > 0).all()
    assert (total < 1 + 1e-5).all()  # the rest is what the summary gives to itself
    assert (total > 0.01).all()


def test_reliability_starts_alike_and_weighs_what_a_row_reads() -> None:
    torch.manual_seed(0)
    fusion = MultiStream(DIMS, **SMALL, reliability=True).eval()
    plain = MultiStream(DIMS, **SMALL).eval()
    plain.load_state_dict(
        {name: value for name, value in fusion.state_dict().items() if "confidence" not in name}
    )
    given, rows = features(SIZE)
    first, second = (item(given, rows, size=SIZE) for item in (fusion, plain))
    for column in DIMS:
        torch.testing.assert_close(first.features[column], second.features[column])
    assert second.weights is None
    with torch.no_grad():
        cast("Any", fusion.confidence)[2].bias.fill_(-30.0)  # depth is of no use, says the model
    fused = fusion(given, rows, size=SIZE)
    assert fused.weights is not None
    assert (fused.weights["depth"] < 1e-9).all()
    held = {column: given[column] for column in ("image", "values")}
    without = fusion(held, {column: rows[column] for column in held}, size=SIZE)
    for column in held:
        torch.testing.assert_close(fused.features[column], without.features[column])


def test_checkpointing_changes_neither_outputs_nor_gradients() -> None:
    torch.manual_seed(0)
    kept = MultiStream(DIMS, **SMALL, dropout=0.2).train()
    again = MultiStream(DIMS, **SMALL, dropout=0.2, checkpointing=True).train()
    again.load_state_dict(kept.state_dict())
    given, rows = features(SIZE, SOME)
    results = []
    for fusion in (kept, again):
        torch.manual_seed(5)
        out = fusion(given, rows, size=SIZE).features
        sum(value.square().sum() for value in out.values()).backward()
        results.append((out, dict(fusion.named_parameters())))
    for column in SOME:
        assert torch.equal(results[0][0][column], results[1][0][column])
    for name, parameter in results[0][1].items():
        other = results[1][1][name].grad
        assert (parameter.grad is None) == (other is None), name
        if parameter.grad is not None and other is not None:
            torch.testing.assert_close(parameter.grad, other)


def counted(fusion: MultiStream, columns: dict[str, int], lengths: dict[str, int]) -> int:
    given = {
        column: Features(
            torch.zeros(1, dim), torch.zeros(1, lengths[column], dim) if lengths[column] else None
        )
        for column, dim in columns.items()
    }
    rows = {column: torch.tensor([0]) for column in columns}
    with FlopCounterMode(display=False) as counter:
        fusion(given, rows, size=1)
    return int(counter.get_total_flops()) // 2


@pytest.mark.parametrize("kind", ["bottleneck", "pairwise", "early", "no_shared", "concatenation"])
def test_operations_are_those_that_a_profiler_counts(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The counter does not know the fused attention of a CPU: the same products, one by one.
    monkeypatch.setattr(Attention, "forward", lambda self, *given: self.with_weights(*given)[0])
    lengths = {"image": 9, "values": 0, "depth": 5}
    fusion = build(kind)
    assert fusion.operations(lengths) == counted(fusion, DIMS, lengths)


def test_operations_grow_linearly_with_the_number_of_columns() -> None:
    def grown(form: str) -> list[int]:
        found = []
        for count in range(2, 9):
            columns = {f"c{number}": 12 for number in range(count)}
            options = {**SMALL, "form": form}
            fusion = MultiStream(columns, **options)
            found.append(fusion.operations(dict.fromkeys(columns, 20)))
        return found

    linear, square = grown("bottleneck"), grown("pairwise")
    steps = {after - before for before, after in pairwise(linear)}
    assert len(steps) == 1
    steps = {after - before for before, after in pairwise(square)}
    assert len(steps) == 6
    assert min(steps) > 0


def test_columns_outside_a_dual_stream_are_seen_alone() -> None:
    torch.manual_seed(0)
    fusion = moved(MultiStream(DIMS, **SMALL, fused=("image", "values")))
    given, rows = features(SIZE)
    together = fusion(given, rows, size=SIZE).features
    for part in (("image", "values"), ("depth",)):
        alone = fusion(
            {column: given[column] for column in part},
            {column: rows[column] for column in part},
            size=SIZE,
        ).features
        for column in part:
            assert torch.equal(together[column], alone[column])


def test_bfloat16_autocast_runs_forward_and_backward() -> None:
    for kind, make in KINDS.items():
        fusion = make(DIMS)
        given, rows = features(SIZE, SOME)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            out = fusion(given, rows, size=SIZE).features
            exact = sum(value.float().square().sum() for value in out.values())
        exact.backward()
        assert all(value.isfinite().all() for value in out.values()), kind
        assert all(p.grad is None or p.grad.isfinite().all() for p in fusion.parameters()), kind


def test_bad_options_are_refused() -> None:
    with pytest.raises(PolymodalError, match=r"heads = 5 does not divide fusion.width = 16"):
        MultiStream(DIMS, **{**SMALL, "heads": 5})
    with pytest.raises(PolymodalError, match=r"no column 'imagge'.*image"):
        MultiStream(DIMS, **SMALL, fused=("imagge", "depth"))
    with pytest.warns(UserWarning, match="fingerprint"):
        MultiStream(DIMS, **SMALL, exchange="all")
