"""A sum of objectives: value, gradients, what it tells, and its section of a recipe."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from polymodal_core.testing import check_objective
from polymodal_losses import PCMC, PCMR, SigLIP, Sum
from polymodal_losses.errors import ObjectiveError
from polymodal_losses.sum_config import SumConfig
from pydantic import ValidationError
from torch import Tensor, nn

from .reference import unit

PARTS = [
    {"kind": "pcmc", "pairs": [["image", "text"]]},
    {"kind": "siglip", "weight": 0.5, "pairs": [["text", "image"], ["image", "depth", 2.0]]},
]


def columns() -> dict[str, Tensor]:
    names = ("image", "text", "depth")
    return {name: unit(6, 5, seed=i).requires_grad_() for i, name in enumerate(names)}


def test_is_the_weighted_sum_with_its_gradient() -> None:
    z = columns()
    pcmc, siglip = PCMC(pairs={("image", "text"): 1.0}), SigLIP(pairs={("text", "image"): 1.0})
    parts = [pcmc(z), siglip(z)]
    wanted = parts[0].total + 0.5 * parts[1].total
    gradients = torch.autograd.grad(wanted, list(z.values()), allow_unused=True)
    found = Sum({"pcmc": (1.0, pcmc), "siglip": (0.5, siglip)})(z)
    assert found.total.item() == pytest.approx(wanted.item(), rel=1e-12)
    own = torch.autograd.grad(found.total, list(z.values()), allow_unused=True)
    for one, other in zip(own, gradients, strict=True):
        torch.testing.assert_close(one, other)
    assert found.terms.keys() == {"pcmc", "siglip"}
    assert found.terms["siglip"].item() == pytest.approx(parts[1].total.item())
    assert list(found.parts) == [("image", "text")]  # in either order of names
    both = parts[0].parts["image", "text"] + 0.5 * parts[1].parts["text", "image"]
    assert found.parts["image", "text"].item() == pytest.approx(both.item())
    assert int(found.anchors["image", "text"]) == 6
    assert not any(term.requires_grad for term in (*found.terms.values(), *found.parts.values()))


class Labelled(nn.Module):
    """Takes what others do not, and no `compare`."""

    def forward(
        self, embeddings: Any, *, present: Any = None, groups: Any = None, labels: Any = None
    ) -> Any:
        out = PCMR()(embeddings, present=present, groups=groups)
        assert labels is not None
        return out


def test_each_objective_gets_what_it_takes() -> None:
    loss = Sum({"pcmc": (1.0, PCMC()), "labelled": (1.0, Labelled())})
    loss(columns(), labels=torch.arange(6), groups=torch.arange(6) // 2)
    with pytest.raises(ObjectiveError, match="labelled compares all pairs of columns"):
        loss(columns(), labels=torch.arange(6), compare={("image", "text")})
    limited = Sum({"pcmc": (1.0, PCMC())})(columns(), compare={("image", "text")})
    assert list(limited.parts) == [("image", "text")]


def test_tells_the_temperature_of_the_first_that_has_one() -> None:
    both = Sum({"pcmr": (1.0, PCMR()), "pcmc": (1.0, PCMC(0.05))})
    assert both.temperature == pytest.approx(0.05)
    assert not hasattr(Sum({"pcmr": (1.0, PCMR())}), "temperature")
    assert {name for name, _ in both.named_parameters()} == {"objectives.1.logit_scale"}


def test_a_section_builds_its_parts() -> None:
    config = SumConfig.model_validate({"groups": "instance", "parts": PARTS})
    assert config.weights() == {("image", "text"): 1.5, ("image", "depth"): 1.0}
    assert [part.objective.groups for part in config.parts] == ["instance", "instance"]
    loss = config.build()
    assert loss.weights == {"pcmc": 1.0, "siglip": 0.5}
    dumped = config.model_dump(mode="json")
    assert dumped["parts"][1]["kind"] == "siglip"
    assert dumped["parts"][1]["weight"] == 0.5
    assert SumConfig.model_validate(dumped) == config


def test_all_pairs_where_a_part_compares_all() -> None:
    assert SumConfig.model_validate({"parts": [PARTS[0], {"kind": "pcmc"}]}).weights() is None
    twice = SumConfig.model_validate({"parts": [{"kind": "pcmc"}] * 2}).build()
    assert list(twice.weights) == ["pcmc", "pcmc 2"]


def test_keeps_the_contract_of_objectives() -> None:
    config = SumConfig.model_validate(
        {"parts": [{"kind": "pcmc"}, {"kind": "pcmr", "weight": 0.1}]}
    )
    check_objective(config)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({}, "Field required"),
        ({"parts": []}, "at least 1 item"),
        ({"parts": [{"weight": 1.0}]}, "needs a kind"),
        ({"parts": [{"kind": "pcmx"}]}, "no objective 'pcmx' is installed; did you mean 'pcm"),
        ({"parts": [{"kind": "pcmc", "temperature": 0.0}]}, "pcmc: temperature: .*greater than 0"),
        ({"parts": [{"kind": "pcmc", "tau": 1}]}, "pcmc: tau: unknown key"),
        ({"parts": [{"kind": "pcmc", "weight": -1}]}, "greater than or equal to 0"),
        ({"parts": PARTS, "pairs": [["a", "b"]]}, "belongs to the parts of a sum"),
        (
            {"parts": [{"kind": "pcmc", "groups": "label"}], "groups": "instance"},
            "set objective.groups and leave it out of the parts",
        ),
        (
            {"parts": [{"kind": "pcmr", "target": "embeddings"}], "groups": "label"},
            "target is embeddings, which finds matches by itself",
        ),
    ],
)
def test_a_bad_section_is_refused(section: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        SumConfig.model_validate(section)
