"""report.html: one self-contained page, readable offline, in light and dark, on a phone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from polymodal_core.recipe import write_toml

from polymodal_eval.report.attention import attention_section
from polymodal_eval.report.cards import Cards
from polymodal_eval.report.charts import figure, interval_bar, line_chart, percent, signed
from polymodal_eval.report.enrichment import enrichment_section
from polymodal_eval.report.examples import example_groups
from polymodal_eval.report.failures import failure_groups
from polymodal_eval.report.panels import space_panels
from polymodal_eval.report.robustness import removal_section, robustness_section
from polymodal_eval.report.sections import sections
from polymodal_eval.report.segmentation import segmentation_section
from polymodal_eval.report.tiles import tiles
from polymodal_eval.report.titles import metric_name
from polymodal_eval.report.training import smoothed, training_curves
from polymodal_eval.report.vqa import vqa_section

if TYPE_CHECKING:
    from polymodal_eval.report.evaluated import Evaluated


def render(evaluated: Evaluated, document: Mapping[str, Any]) -> str:
    """Give the page as HTML; `document` is what report.json holds."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("polymodal_eval", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = percent
    environment.filters["figure"] = figure
    environment.filters["signed"] = signed
    environment.filters["metric"] = metric_name
    environment.globals["interval_bar"] = interval_bar
    measured = [result for result in evaluated.results if result.measurements]
    cards = {name: Cards(space) for name, space in evaluated.spaces.items()}
    return environment.get_template("report.html.j2").render(
        evaluated=evaluated,
        document=document,
        tiles=tiles(measured, evaluated.trained_pairs),
        sections=_sections(evaluated, cards),
        **_examples(evaluated, cards),
        attention=attention_section(evaluated),
        # A run that predicts maps alone has learned no space.
        projection=space_panels(evaluated)
        if any(item.task != "segmentation" for item in measured)
        else None,
        training=_training(evaluated),
        recipe=write_toml(dict(evaluated.recipe)) if evaluated.recipe else "",
    )


def _sections(evaluated: Evaluated, cards: Mapping[str, Cards]) -> list[dict[str, Any]]:
    trained = evaluated.trained_pairs
    found = sections(evaluated.results, trained)
    for section, result in zip(found, evaluated.results, strict=True):
        section["enrichment"] = (
            enrichment_section(evaluated.spaces[result.split], result, cards[result.split], trained)
            if result.task == "enrichment" and result.measurements
            else None
        )
        section["segmentation"] = (
            segmentation_section(evaluated.spaces[result.split], result, cards[result.split])
            if result.task == "segmentation" and result.measurements
            else None
        )
        section["vqa"] = (
            vqa_section(evaluated.spaces[result.split], result, cards[result.split])
            if result.task == "vqa" and result.measurements
            else None
        )
        robustness = result.task == "robustness" and result.measurements
        section["robustness"] = robustness_section(result) if robustness else None
        section["removal"] = removal_section(result) if robustness else None
    return found


def _examples(evaluated: Evaluated, cards: Mapping[str, Cards]) -> dict[str, Any]:
    result = next(
        (item for item in evaluated.results if item.task == "retrieval" and item.measurements), None
    )
    if result is None:
        return {"examples": [], "failures": []}
    given = (evaluated.spaces[result.split], result.measurements, cards[result.split])
    return {"examples": example_groups(*given), "failures": failure_groups(*given)}


def _training(evaluated: Evaluated) -> dict[str, Any] | None:
    curves = training_curves(evaluated.metrics)
    if not curves.loss and not curves.validation:
        return None
    return {
        "loss": line_chart({"loss": smoothed(curves.loss)}, main="loss", label="training loss"),
        "validation": line_chart(
            {**curves.pairs, "mean": curves.validation},
            main="mean",
            label=f"validation {_measure(curves.pairs)}",
            shares=True,
            mark=curves.best,
        ),
        "pulls": line_chart(
            {name: smoothed(line) for name, line in curves.pulls.items()},
            main=None,
            label="gradient lengths of positive and negative pairs",
            from_zero=True,
        ),
        "pulling": list(curves.pulls),
        "best": curves.best,
        "measure": _measure(curves.pairs),
        "pairs": len(curves.pairs),
    }


def _measure(names: Iterable[str]) -> str:
    # What validation has watched, by what the log calls its parts: `image mean_iou`.
    last = {name.rpartition(" ")[2] for name in names}
    return {"mean_iou": "mean IoU", "accuracy": "accuracy"}.get(next(iter(last), ""), "R@1")
