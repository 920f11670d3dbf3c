"""The PCMC module: temperature, border, precision, and batches with nothing to compare."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from polymodal_losses import PCMC, LossOutput
from polymodal_losses.contrastive import DIRECT_BATCH
from polymodal_losses.errors import ObjectiveError
from polymodal_losses.form import Form
from torch import Tensor

from .reference import contrastive_total, random_case, unit


def columns(
    batch: int = 6, dim: int = 5, *, names: str = "ab", **kwargs: torch.dtype
) -> dict[str, Tensor]:
    return {name: unit(batch, dim, seed=i, **kwargs) for i, name in enumerate(names)}


def gradients(
    loss: PCMC, z: dict[str, Tensor], **kwargs: object
) -> tuple[LossOutput, list[Tensor]]:
    leaves = {name: value.clone().requires_grad_() for name, value in z.items()}
    output: LossOutput = loss(leaves, **kwargs)
    output.total.backward()
    found = [leaf.grad for leaf in leaves.values()]
    assert all(grad is not None for grad in found)
    return output, [grad for grad in found if grad is not None]


@pytest.mark.parametrize("learnable", [True, False])
@pytest.mark.parametrize("seed", range(20))
def test_equals_the_definition_at_exactly_the_temperature_asked_for(
    seed: int, learnable: bool
) -> None:
    case = random_case(seed)
    loss = PCMC(case.temperature, learnable, pairs=case.pairs)
    output = loss(case.embeddings, present=case.present, groups=case.groups)
    assert output.total.dtype == torch.float64
    assert output.total.item() == pytest.approx(contrastive_total(case), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("learnable", [True, False])
@pytest.mark.parametrize("dirt", [0.0, float("nan")])
def test_a_batch_without_a_complete_pair_gives_zero_and_zero_gradients(
    learnable: bool, dirt: float
) -> None:
    loss = PCMC(learnable=learnable)
    z = columns(4, names="abc")
    present = {
        "a": torch.tensor([True, True, False, False]),
        "b": torch.tensor([False, False, True, False]),
        "c": torch.zeros(4, dtype=torch.bool),
    }
    for name, rows in present.items():
        z[name][~rows] = dirt
    output, grads = gradients(loss, z, present=present)
    assert output.total.item() == 0.0
    assert output.total.requires_grad
    assert {pair: int(count) for pair, count in output.anchors.items()} == {
        ("a", "b"): 0, ("a", "c"): 0, ("b", "c"): 0
    }  # fmt: skip
    assert all(part.item() == 0.0 for part in output.parts.values())
    assert all(torch.equal(grad, torch.zeros_like(grad)) for grad in grads)
    if learnable:
        assert loss.logit_scale.grad is not None
        assert loss.logit_scale.grad.item() == 0.0


def test_an_empty_batch_is_a_batch_without_a_complete_pair() -> None:
    output, grads = gradients(PCMC(), columns(0))
    assert output.total.item() == 0.0
    assert all(grad.shape == (0, 5) for grad in grads)


def test_columns_outside_the_pairs_get_zero_gradient_even_if_they_hold_nan() -> None:
    z = columns(names="abc")
    z["c"][:] = float("nan")
    output, grads = gradients(PCMC(pairs={("a", "b"): 1.0}), z)
    assert math.isfinite(output.total.item())
    assert grads[0].any()
    assert torch.equal(grads[2], torch.zeros_like(grads[2]))


def test_a_nan_in_a_present_row_is_not_hidden() -> None:
    z = columns()
    z["a"][2, 0] = float("nan")
    assert math.isnan(PCMC()(z).total.item())


def test_pairs_are_recognised_in_either_order() -> None:
    z = columns(names="abc")
    forward = PCMC(pairs={("a", "c"): 1.5})(z).total
    backward = PCMC(pairs={("c", "a"): 1.5})(z).total
    assert forward.item() == pytest.approx(backward.item(), rel=1e-12)


def test_presence_may_lack_columns_or_be_none() -> None:
    z = columns()
    rows = torch.tensor([True, True, False, True, True, True])
    everything = torch.ones(6, dtype=torch.bool)
    full = PCMC()(z, present={"a": rows, "b": everything}).total
    assert torch.equal(PCMC()(z, present={"a": rows}).total, full)
    assert torch.equal(PCMC()(z, present={"a": rows, "b": None}).total, full)
    assert torch.equal(PCMC()(z, present={}).total, PCMC()(z).total)


def test_weight_zero_measures_a_pair_without_learning_from_it() -> None:
    z = columns(names="abc")
    pairs = {("a", "b"): 1.0, ("a", "c"): 0.0}
    output, grads = gradients(PCMC(pairs=pairs), z)
    assert output.parts["a", "c"].item() > 0
    assert output.total.item() == output.parts["a", "b"].item()
    assert not grads[2].any()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_scored_in_float32(dtype: torch.dtype) -> None:
    z = columns(32, 16, dtype=dtype)
    output, grads = gradients(PCMC(), z)
    exact = PCMC()({name: value.double() for name, value in z.items()}).total.item()
    assert output.total.dtype == torch.float32
    assert output.total.item() == pytest.approx(exact, rel=1e-5)
    assert all(grad.dtype == dtype for grad in grads)


def test_columns_of_several_precisions_meet_in_the_highest() -> None:
    z = columns()
    output = PCMC()({"a": z["a"].float(), "b": z["b"]})
    assert output.total.dtype == torch.float64


@pytest.mark.parametrize("form", ["direct", "tiled"])
def test_autocast_outside_reaches_neither_the_loss_nor_its_gradients(form: Form) -> None:
    z = columns(32, 16, dtype=torch.float32)
    expected, expected_grads = gradients(PCMC(form=form), z)
    leaves = {name: value.clone().requires_grad_() for name, value in z.items()}
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert (leaves["a"] @ leaves["b"].T).dtype == torch.bfloat16  # autocast is really on
        output = PCMC(form=form)(leaves)
        output.total.backward()
    assert output.total.dtype == torch.float32
    assert torch.equal(output.total, expected.total)
    for leaf, grad in zip(leaves.values(), expected_grads, strict=True):
        assert leaf.grad is not None
        assert torch.equal(leaf.grad, grad)


def test_auto_is_direct_for_small_batches_only() -> None:
    for batch, direct in ((DIRECT_BATCH, True), (DIRECT_BATCH + 1, False)):
        z = {name: value.requires_grad_() for name, value in columns(batch, 3).items()}
        (slope,) = torch.autograd.grad(PCMC()(z).total, z["a"], create_graph=True)
        if direct:
            torch.autograd.grad(slope.sum(), z["a"])
        else:
            with pytest.raises(ObjectiveError, match="cannot be differentiated twice"):
                torch.autograd.grad(slope.sum(), z["a"])


def test_the_learned_temperature_has_the_same_gradient_in_both_forms() -> None:
    slopes = []
    forms: tuple[Form, ...] = ("direct", "tiled")
    for form in forms:
        loss = PCMC(form=form)
        gradients(loss, columns(20))
        assert loss.logit_scale.grad is not None
        slopes.append(loss.logit_scale.grad.item())
    assert slopes[0] == pytest.approx(slopes[1], rel=1e-6)


def test_bfloat16_products_are_an_option_of_the_tiled_form() -> None:
    z = columns(300, 64)
    exact = PCMC()(z).total.item()
    rounded = PCMC(matmul_dtype="bfloat16")(z).total.item()
    assert rounded == pytest.approx(exact, rel=2e-3)
    assert rounded != pytest.approx(exact, rel=1e-9)
    small = columns(20)  # the direct form of a small batch has no use for it
    assert PCMC(matmul_dtype="bfloat16")(small).total.item() == PCMC()(small).total.item()


def test_unknown_forms_are_refused() -> None:
    with pytest.raises(ObjectiveError, match="form is 'fused'; wanted one of auto, direct, tiled"):
        PCMC(form="fused")  # type: ignore[arg-type]
    with pytest.raises(ObjectiveError, match="matmul_dtype is 'float16'"):
        PCMC(matmul_dtype="float16")  # type: ignore[arg-type]
    with pytest.raises(ObjectiveError, match="but form is direct"):
        PCMC(form="direct", matmul_dtype="bfloat16")


def test_learnable_temperature_is_a_parameter_in_log_space() -> None:
    loss = PCMC(temperature=0.07, learnable=True)
    assert [name for name, _ in loss.named_parameters()] == ["logit_scale"]
    assert loss.logit_scale.item() == pytest.approx(math.log(1 / 0.07), rel=1e-6)
    assert loss.temperature == pytest.approx(0.07, rel=1e-12)


def test_fixed_temperature_is_a_buffer_that_training_leaves_alone() -> None:
    loss = PCMC(temperature=0.005, learnable=False)  # below the learnable limit, and meant so
    assert list(loss.parameters()) == []
    assert [name for name, _ in loss.named_buffers()] == ["logit_scale"]
    loss(columns())
    assert loss.temperature == pytest.approx(0.005, rel=1e-12)


def test_the_temperature_is_learned() -> None:
    loss, z = PCMC(temperature=0.5), columns()
    z["b"] = z["a"]  # perfectly aligned: only a sharper softmax can lower the loss
    optimiser = torch.optim.SGD(loss.parameters(), lr=0.1)
    before = loss(z).total
    before.backward()
    optimiser.step()
    assert loss.temperature < 0.5
    assert loss(z).total.item() < before.item()


def test_the_logit_scale_is_clamped_and_comes_back() -> None:
    loss, z = PCMC(), columns(32, 4)
    with torch.no_grad():
        loss.logit_scale.fill_(9.0)
    assert loss.temperature == pytest.approx(0.01, rel=1e-6)
    output = loss(z)
    assert output.total.item() == pytest.approx(PCMC(0.01)(z).total.item(), rel=1e-5)
    output.total.backward()
    assert loss.logit_scale.grad is not None
    assert loss.logit_scale.grad.item() > 0  # random embeddings: a blunter softmax is better
    torch.optim.SGD(loss.parameters(), lr=0.01).step()
    assert loss.temperature > 0.0101


def test_a_diverged_logit_scale_is_told_and_not_raised() -> None:
    loss = PCMC()
    with torch.no_grad():
        loss.logit_scale.fill_(-1e9)
    assert loss.temperature == math.inf
    assert "temperature=inf" in repr(loss)


def test_several_batches_may_be_accumulated_before_one_backward() -> None:
    loss = PCMC()
    with torch.no_grad():
        loss.logit_scale.fill_(9.0)
    total = loss(columns()).total + loss(columns(7)).total
    total.backward()
    assert loss.logit_scale.grad is not None


def test_state_survives_saving_loading_and_copying() -> None:
    trained = PCMC()
    with torch.no_grad():
        trained.logit_scale.add_(0.5)
    fresh = PCMC()
    fresh.load_state_dict(trained.state_dict())
    z = columns()
    assert torch.equal(fresh(z).total, trained(z).total)
    assert torch.equal(copy.deepcopy(trained)(z).total, trained(z).total)


def test_a_space_is_learned_from_incomplete_rows_in_a_plain_loop() -> None:
    torch.manual_seed(0)
    inputs = {name: torch.randn(24, 12) for name in "abc"}
    present = {name: torch.rand(24) > 0.3 for name in "abc"}
    heads = torch.nn.ModuleDict({name: torch.nn.Linear(12, 16) for name in "abc"})
    loss = PCMC()
    optimiser = torch.optim.Adam([*heads.parameters(), *loss.parameters()], lr=0.02)
    history = []
    for _ in range(60):
        z = {n: torch.nn.functional.normalize(heads[n](x), dim=-1) for n, x in inputs.items()}
        output = loss(z, present=present)
        optimiser.zero_grad()
        output.total.backward()
        optimiser.step()
        history.append(output.total.item())
    assert history[-1] < history[0] / 5


@pytest.mark.parametrize("temperature", [0.0, -0.07, float("nan"), float("inf")])
def test_impossible_temperatures_are_refused(temperature: float) -> None:
    with pytest.raises(ObjectiveError, match=r"temperature is .*; wanted a finite number > 0"):
        PCMC(temperature)


def test_a_learnable_temperature_below_its_limit_is_refused() -> None:
    with pytest.raises(ObjectiveError, match=r"0\.005.*kept at 0\.01 or above.*learnable=False"):
        PCMC(0.005)


def test_bad_input_reaches_the_caller_as_a_value_error() -> None:
    with pytest.raises(ValueError, match=r"pair \(a, txt\) names column 'txt'.*known: a, b"):
        PCMC(pairs={("a", "txt"): 1.0})(columns())
    with pytest.raises(ValueError, match=r"got 1 column\(s\) \['a'\]"):
        PCMC()(columns(names="a"))


def test_repr_shows_the_options() -> None:
    assert repr(PCMC()) == "PCMC(temperature=0.07, learnable=True, pairs=None)"
