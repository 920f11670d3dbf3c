"""Numbers that are no longer finite."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from polymodal_core.batch import Batch, Embeddings, Features
from polymodal_core.errors import RunError
from polymodal_core.model import Model, PooledEncoder
from polymodal_losses import PCMC
from polymodal_trainer.nonfinite import NonFiniteError, check_temperature, nonfinite_columns
from polymodal_trainer.run import run
from torch import nn

from tests.trainer.forks import finish, fork_run

NAN = float("nan")


@pytest.fixture
def model() -> Model:
    encoders = {name: PooledEncoder(nn.Linear(2, 2), feature_dim=2) for name in ("a", "type")}
    return Model(encoders, {"a": nn.Linear(2, 2), "type": nn.Linear(2, 2)}, dim=2)


@pytest.fixture
def batch() -> Batch:
    numbers = torch.arange(3)
    return Batch(
        inputs={"a": torch.ones(3, 2), "type": torch.ones(2, 2)},
        rows={"a": torch.tensor([0, 1, 2]), "type": torch.tensor([0, 2])},
        instance=numbers,
        label=numbers,
        index=torch.tensor([70, 80, 90]),
    )


def error(model: Model, batch: Batch) -> NonFiniteError:
    embeddings = model(batch)
    return NonFiniteError(
        model, batch, Embeddings(embeddings.z, embeddings.present), "the loss is nan"
    )


def test_bad_inputs_are_named_by_column_and_row_of_the_store(model: Model, batch: Batch) -> None:
    batch.inputs["type"][1, 0] = NAN
    found = error(model, batch)
    assert found.columns == ["type"]
    assert "'type' (rows 90 of the store)" in str(found)
    assert str(found).startswith("the loss is nan; ")


def test_bad_inputs_inside_a_dictionary(model: Model, batch: Batch) -> None:
    values = torch.ones(3, 2)
    values[:2] = float("inf")
    nested = {"a": {"names": ["x", "y", "z"], "parts": [values]}}
    bad = Batch(nested, {"a": batch.rows["a"]}, batch.instance, batch.label, batch.index)
    found = NonFiniteError(model, bad, Embeddings({}, {}), "x")
    assert "'a' (rows 70, 80 of the store)" in str(found)


def test_bad_embeddings_are_named_by_column(model: Model, batch: Batch) -> None:
    with torch.no_grad():
        next(model.heads["a"].parameters()).fill_(NAN)
    plain = Batch(
        {"a": torch.ones(3, 2)}, {"a": batch.rows["a"]}, batch.instance, batch.label, batch.index
    )
    found = error(model, plain)
    assert found.columns == ["a"]
    assert "the embeddings of 'a' are not finite, their inputs are" in str(found)


def test_bad_gradients_are_named_by_column(model: Model, batch: Batch) -> None:
    plain = Batch(
        {"type": torch.ones(2, 2)}, {"type": batch.rows["type"]}, batch.instance, batch.label,
        batch.index,
    )  # fmt: skip
    next(model.encoders["type_"].parameters()).grad = torch.full((2, 2), NAN)
    found = error(model, plain)
    assert found.columns == ["type"]
    assert "the gradients of 'type' are not finite" in str(found)


def test_cached_features_are_looked_at_too(model: Model, batch: Batch) -> None:
    bad = Batch(
        {"a": Features(torch.full((3, 2), NAN))}, {"a": batch.rows["a"]}, batch.instance,
        batch.label, batch.index,
    )  # fmt: skip
    found = NonFiniteError(model, bad, Embeddings({}, {}), "x")
    assert "'a' (rows 70, 80, 90 of the store)" in str(found)


def test_objective_is_named_where_no_column_is_at_fault(model: Model, batch: Batch) -> None:
    plain = Batch({}, {}, batch.instance, batch.label, batch.index)
    assert "the objective itself" in str(error(model, plain))


def test_columns_with_weights_or_statistics_that_are_not_finite(model: Model) -> None:
    assert nonfinite_columns(model) == []
    with torch.no_grad():
        next(model.heads["type_"].parameters())[0] = float("inf")
    assert nonfinite_columns(model) == ["type"]
    model.encoders["a"].register_buffer("running_mean", torch.tensor([NAN]))
    assert nonfinite_columns(model) == ["a", "type"]


def test_run_that_explodes_names_step_column_and_checkpoint(recipe: Path, tmp_path: Path) -> None:
    said = tmp_path / "said"
    child = fork_run(
        recipe, Path("out"), "training.lr_heads=1e38", "training.lr_backbones=1e38",
        "training.clip=0", "training.warmup=0", "training.checkpoint_every=100", said=said,
    )  # fmt: skip
    assert finish(child) == 2
    message = said.read_text()
    assert "stopped in step 2 (epoch 1): the loss is nan" in message
    assert "the embeddings of 'left'" in message
    assert "Last good checkpoint: out/checkpoints/step-00000000" in message


def test_temperature_beyond_all_numbers_stops_the_run(recipe: Path, tmp_path: Path) -> None:
    # One step of 1e9 leaves every weight and loss finite, but the log of 1/temperature at -1e9.
    said = tmp_path / "said"
    child = fork_run(
        recipe, Path("out"), "training.lr_heads=1e9", "training.lr_backbones=1e9",
        "training.warmup=0", "training.checkpoint_every=1", said=said,
    )  # fmt: skip
    assert finish(child) == 2
    message = said.read_text()
    assert "stopped after step 1 (epoch 1): the objective's temperature is inf" in message
    assert "Last good checkpoint: out/checkpoints/step-00000000" in message


def test_a_finite_or_no_temperature_is_none_of_its_business() -> None:
    check_temperature(PCMC())
    check_temperature(nn.Linear(2, 2))


def test_weights_that_are_not_finite_are_never_saved(recipe: Path) -> None:
    # The first step makes the weights infinite, and the checkpoint comes before the next loss.
    with pytest.raises(
        RunError, match=r"after step 1 .*the weights of .*left.* are not finite"
    ) as caught:
        run(
            str(recipe),
            settings=(
                "training.lr_heads=1e39", "training.lr_backbones=1e39", "training.clip=0",
                "training.warmup=0", "training.checkpoint_every=1",
            ),
            out=Path("out"),
            resume=False,
            quiet=True,
        )  # fmt: skip
    assert "Last good checkpoint: out/checkpoints/step-00000000" in str(caught.value)
