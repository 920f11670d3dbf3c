"""Rules that every configuration keeps."""

from __future__ import annotations

import json
import pickle

from polymodal_core.config import Configuration
from polymodal_core.testing.rules import Rules


def check_config(rules: Rules, config: Configuration, base: type[Configuration]) -> None:
    """Check that a configuration is of its base, frozen, strict, and survives being written."""
    name = type(config).__name__
    rules.require(isinstance(config, base), f"must be of class {base.__name__}", f"{name} is not")
    check_config_class(rules, type(config))
    rules.require(
        getattr(config, "kind", None) == config.kind_name(),
        "the kind of an instance must be the kind of its class",
        f"{getattr(config, 'kind', None)!r} is not {config.kind_name()!r}",
    )
    with rules.runs(
        "must survive model_dump(mode='json'), JSON and model_validate, as in a recipe"
    ):
        dumped = json.loads(json.dumps(config.model_dump(mode="json")))
        rebuilt = type(config).model_validate(dumped)
    rules.require(
        rebuilt == config,
        "must come back equal from model_dump(mode='json'), JSON and model_validate",
        f"{config!r} came back as {rebuilt!r}",
    )
    with rules.runs("must be picklable, for loading workers"):
        pickle.loads(pickle.dumps(config))


def check_config_class(rules: Rules, config: type[Configuration]) -> None:
    """Check what a recipe relies on before there is an instance: kind, strictness, schema."""
    rules.require(
        bool(config.kind_name()),
        'must declare its kind as `kind: Literal["name"] = "name"`',
        f"{config.__name__} has no default kind",
    )
    rules.require(
        config.model_config.get("extra") == "forbid",
        "must refuse unknown keys",
        f"model_config['extra'] is {config.model_config.get('extra')!r}",
    )
    rules.require(
        config.model_config.get("frozen") is True, "must be frozen", "model_config says otherwise"
    )
    with rules.runs("must give a JSON schema, for editors and the schema of a recipe"):
        json.dumps(config.model_json_schema())
