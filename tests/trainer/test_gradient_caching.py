"""Gradient caching: the gradient of the whole batch, whatever the chunks, dropout on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from polymodal_core.batch import Batch, Embeddings, Features
from polymodal_core.errors import RunError
from polymodal_core.model import Model
from polymodal_core.plugins import registry
from polymodal_trainer.batches import training_batches
from polymodal_trainer.gradient_caching import check_chunks, embed
from polymodal_trainer.resolve import read_recipe
from polymodal_trainer.start import Setup, build
from polymodal_trainer.step import draw_exchange, forward, seed_step, train_step
from torch import Tensor, nn
from torch.amp.grad_scaler import GradScaler

from tests.trainer.conftest import write_recipe

PRECISIONS = [(torch.float64, 1e-10), (torch.float32, 1e-5)]
FUSION = """[fusion]
kind = "multi_stream"
width = 16
heads = 2
layers = 1
shared_layers = 1
dropout = 0.2
[training]"""


def setup(recipe: Path, *settings: str, dtype: torch.dtype = torch.float64) -> Setup:
    resolved = read_recipe(recipe, settings, registry=registry())
    built = build(resolved, registry=registry(), source=str(recipe))
    return replace(built, model=built.model.to(dtype), objective=built.objective.to(dtype))


def first_batch(built: Setup, dtype: torch.dtype) -> Batch:
    batch = next(iter(training_batches(built, epoch=0)))
    return replace(batch, inputs={name: x.to(dtype) for name, x in batch.inputs.items()})


def gradients(built: Setup) -> dict[str, Tensor]:
    named = [*built.model.named_parameters(), *built.objective.named_parameters()]
    return {name: item.grad.clone() for name, item in named if item.grad is not None}


def total(embeddings: Embeddings, loss: Tensor) -> Tensor:
    return torch.as_tensor(sum(embeddings.auxiliary.values(), loss))


def assert_equal_gradients(
    found: dict[str, Tensor], wanted: dict[str, Tensor], tolerance: float
) -> None:
    assert found.keys() == wanted.keys()
    largest = max(float(item.abs().max()) for item in wanted.values())
    assert largest > 1e-3
    for name, item in wanted.items():
        assert float((found[name] - item).abs().max()) <= tolerance * max(1.0, largest), name


class UniformDropout(nn.Module):
    """Dropout whose masks a CPU draws one number after another: chunks draw what a batch draws."""

    def forward(self, hidden: Tensor) -> Tensor:
        return hidden * (torch.rand(hidden.shape) < 0.5) * 2 if self.training else hidden


def with_uniform_dropout(built: Setup) -> Setup:
    """Leave dropout in one column alone, so that its draws are in the order of the rows."""
    for module in built.model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    encoder = built.model.encoders["left"]
    places = [name for name, module in encoder.named_modules() if isinstance(module, nn.Dropout)]
    assert places
    encoder.set_submodule(places[0], UniformDropout())
    return built


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
@pytest.mark.parametrize("size", [1, 5, 8])
def test_the_gradient_is_that_of_the_real_batch_with_dropout_on(
    recipe: Path, dtype: torch.dtype, tolerance: float, size: int
) -> None:
    found = []
    for chunk in (None, size):
        settings = [] if chunk is None else [f"training.chunk_size={chunk}"]
        built = with_uniform_dropout(setup(recipe, *settings, dtype=dtype))
        batch = first_batch(built, dtype)
        seed_step(0, 0)
        _, output = forward(built, batch, 0)
        output.total.backward()
        found.append((output.total.item(), gradients(built), torch.rand(())))
    (loss, wanted, after), (other, cached, same) = found
    assert other == pytest.approx(loss, rel=tolerance)
    assert_equal_gradients(cached, wanted, tolerance)
    assert after == same  # backward leaves the random state where forward left it
    # Dropout was on: another seed gives another gradient.
    built = with_uniform_dropout(setup(recipe, f"training.chunk_size={size}", dtype=dtype))
    seed_step(0, 1)
    forward(built, first_batch(built, dtype), 0)[1].total.backward()
    assert any(not torch.equal(item, cached[name]) for name, item in gradients(built).items())


def kept_in_memory(built: Setup, batch: Batch, size: int) -> tuple[Embeddings, Tensor]:
    """The reference: the same chunks, embedded with all of their graphs kept, and scored once."""
    exchange = draw_exchange(built, 0)
    z: dict[str, list[Tensor]] = {}
    present: dict[str, list[Tensor]] = {}
    sums: dict[str, Tensor] = {}
    counts: dict[str, int] = {}
    for start in range(0, batch.size, size):
        rows = torch.arange(start, min(start + size, batch.size))
        inputs, places = {}, {}
        for column, where in batch.rows.items():
            chosen = [i for i, row in enumerate(where.tolist()) if row in rows.tolist()]
            if chosen:
                inputs[column] = batch.inputs[column][chosen]
                places[column] = where[chosen] - start
        part = Batch(inputs, places, batch.instance[rows], batch.label[rows], batch.index[rows])
        found = built.model(part, exchange)
        for column in found.z:
            z.setdefault(column, []).append(found.z[column])
            present.setdefault(column, []).append(found.present[column])
        for column, loss in found.auxiliary.items():
            count = int(found.auxiliary_counts[column])
            sums[column] = sums.get(column, torch.tensor(0.0)) + loss * count
            counts[column] = counts.get(column, 0) + count
    whole = Embeddings(
        {column: torch.cat(parts) for column, parts in z.items()},
        {column: torch.cat(parts) for column, parts in present.items()},
        None if exchange is None else exchange.compare,
        {column: loss / counts[column] for column, loss in sums.items()},
    )
    limits: dict[str, Any] = {} if whole.compare is None else {"compare": whole.compare}
    output = built.objective(whole.z, present=whole.present, groups=None, **limits)
    return whole, output.total


class Guessing(nn.Module):
    """An encoder with a loss of its own: a mean over as many things as a random draw says."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder, self.feature_dim = encoder, encoder.feature_dim

    def forward(self, inputs: Tensor) -> Features:
        found: Features = self.encoder(inputs)
        if not self.training:
            return found
        kept = torch.rand(len(inputs)) < 0.4
        loss = (found.pooled.square().mean(dim=1) * kept).sum() / kept.sum().clamp(min=1)
        return replace(found, auxiliary=loss, auxiliary_count=kept.sum())


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
@pytest.mark.parametrize("size", [3, 7])
@pytest.mark.parametrize("fused", [False, True])
def test_missing_values_shared_encoders_fusion_and_losses_of_encoders_own(
    tmp_path: Path, store: Path, dtype: torch.dtype, tolerance: float, size: int, fused: bool
) -> None:
    changes = {"[training]": FUSION} if fused else None
    recipe = write_recipe(tmp_path / "r.toml", store, changes=changes)
    built = setup(recipe, f"training.chunk_size={size}", dtype=dtype)
    built.model.encoders["left"] = Guessing(built.model.encoders["left"])
    batch = first_batch(built, dtype)
    assert any(len(rows) < batch.size for rows in batch.rows.values())
    seed_step(0, 0)
    reference, loss = kept_in_memory(built, batch, size)
    total(reference, loss).backward()
    wanted = gradients(built)
    for item in (*built.model.parameters(), *built.objective.parameters()):
        item.grad = None
    seed_step(0, 0)
    embeddings, output = forward(built, batch, 0)
    assert embeddings.auxiliary["left"].item() == pytest.approx(
        reference.auxiliary["left"].item(), rel=tolerance
    )
    assert embeddings.compare == reference.compare
    total(embeddings, output.total).backward()
    assert_equal_gradients(gradients(built), wanted, tolerance)


def test_a_column_may_be_in_no_chunk_but_one(recipe: Path) -> None:
    built = setup(recipe, "training.chunk_size=4")
    batch = first_batch(built, torch.float64)
    few = batch.rows["left"][:1]
    batch = replace(
        batch,
        inputs={**batch.inputs, "left": batch.inputs["left"][:1]},
        rows={**batch.rows, "left": few},
    )
    embeddings, output = forward(built, batch, 0)
    assert embeddings.present["left"].nonzero().flatten().tolist() == few.tolist()
    output.total.backward()


def test_a_chunk_as_large_as_the_batch_is_the_batch(recipe: Path) -> None:
    results = [
        train_step(built, next(iter(training_batches(built, epoch=0))), 0)
        for built in (
            build(
                read_recipe(recipe, settings, registry=registry()),
                registry=registry(),
                source="recipe",
            )
            for settings in ([], ["training.chunk_size=16"], ["training.chunk_size=99"])
        )
    ]
    assert len({(result.loss, result.gradient_norm) for result in results}) == 1


def test_scaled_gradients_give_the_same_step(recipe: Path) -> None:
    norms = []
    for scaler in (None, GradScaler("cpu", init_scale=1024.0)):
        built = setup(recipe, "training.chunk_size=5")
        built = replace(built, precision=replace(built.precision, scaler=scaler))
        norms.append(train_step(built, first_batch(built, torch.float64), 0).gradient_norm)
    assert norms[1] == pytest.approx(norms[0], rel=1e-6)


def test_autocast_is_the_same_when_a_chunk_is_computed_again(recipe: Path) -> None:
    seen: list[tuple[bool, torch.dtype]] = []
    built = setup(recipe, "training.chunk_size=8", "training.precision=bf16", dtype=torch.float32)
    first = next(m for m in built.model.modules() if isinstance(m, nn.Linear))

    def note(_: nn.Module, __: Any, output: Tensor) -> None:
        seen.append((torch.is_autocast_enabled("cpu"), output.dtype))

    first.register_forward_hook(note)
    train_step(built, next(iter(training_batches(built, epoch=0))), 0)
    assert seen == [(True, torch.bfloat16)] * 4  # two chunks, each computed twice


def test_gradients_by_pairs_are_measured_over_the_whole_batch(recipe: Path) -> None:
    built = setup(recipe, 'objective={kind="trimodal"}', "training.chunk_size=5")
    result = train_step(built, first_batch(built, torch.float64), 0, measure=True)
    assert set(result.pair_gradients) == {"positive", "negative"}


def test_nothing_between_inputs_and_embeddings_is_kept(recipe: Path) -> None:
    built = setup(recipe, "training.chunk_size=4")
    batch = first_batch(built, torch.float64)
    kept: list[int] = []

    def pack(tensor: Tensor) -> Tensor:
        kept.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        embed(built.model, batch, None, chunk_size=4)
        cached = sum(kept)
        kept.clear()
        embed(built.model, batch, None, chunk_size=None)
    assert cached < sum(kept) / 20


def test_batch_normalisation_in_training_is_refused() -> None:
    def model(frozen: bool) -> Model:
        encoder = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
        cast("Any", encoder).feature_dim = 4
        owner = frozenset({"left"} if frozen else ())
        return Model({"left": encoder}, {"left": nn.Linear(4, 2)}, dim=2, frozen=owner).train()

    check_chunks(model(frozen=True))
    with pytest.raises(RunError, match=r"encoders\.left\.1 \(BatchNorm\) would normalise each"):
        check_chunks(model(frozen=False))


def test_a_run_in_chunks_is_refused_other_chunks_on_resuming(recipe: Path) -> None:
    from polymodal_trainer.run import run

    out = Path("out")
    options: dict[str, Any] = {"out": out, "quiet": True}
    assert run(str(recipe), settings=["training.chunk_size=6"], resume=False, **options) == 0
    with pytest.raises(RunError, match=r"training\.chunk_size"):
        run(str(recipe), settings=["training.chunk_size=7"], resume=True, **options)
