"""Discovery: collisions, broken plug-ins, misspelt hooks, unknown names."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import ClassVar, Literal

import pytest
from polymodal_core import plugins
from polymodal_core.config import EncoderConfig, ImporterConfig, ModalityConfig
from polymodal_core.errors import PluginError, UnknownNameError
from polymodal_core.plugins import Registry, load_registry, main, table

from tests.core.toys import (
    LinearConfig,
    NumberConfig,
    entry_points_in,
    importer_module,
    toy_registry,
    write_distribution,
)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def load(site: Path) -> Registry:
    return load_registry(entry_points_in(site))


def test_a_plugin_is_found_with_its_distribution(site: Path) -> None:
    write_distribution(
        site, "acme-trees", {"trees": "trees_a"}, {"trees_a": importer_module("trees")}
    )
    loaded = load(site)
    assert loaded.names("importer") == ["trees"]
    assert loaded.importer("trees").__name__ == "SomeConfig"
    assert loaded.registrations["importer", "trees"].distribution == "acme-trees"


def test_one_entry_point_name_in_two_distributions_names_both(site: Path) -> None:
    for owner in ("acme", "bolt"):
        source = importer_module(f"{owner}_trees")
        write_distribution(site, f"{owner}-trees", {"trees": f"{owner}_b"}, {f"{owner}_b": source})
    with pytest.raises(PluginError, match="named 'trees': acme-trees and bolt-trees"):
        load(site)


def test_one_kind_in_two_distributions_names_both(site: Path) -> None:
    for owner in ("acme", "bolt"):
        write_distribution(
            site, f"{owner}-trees", {owner: f"{owner}_c"}, {f"{owner}_c": importer_module("trees")}
        )
    with pytest.raises(
        PluginError, match="importer 'trees' is registered twice, by acme-trees and by bolt-trees"
    ):
        load(site)


def test_one_module_under_two_names_is_one_plugin(site: Path) -> None:
    points = {"trees": "trees_d", "woods": "trees_d"}
    write_distribution(site, "acme-trees", points, {"trees_d": importer_module("trees")})
    assert load(site).names("importer") == ["trees"]


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("import not_installed_anywhere", "ModuleNotFoundError: No module named"),
        ("raise RuntimeError('no driver')", "RuntimeError: no driver"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("def broken(:", "SyntaxError"),
    ],
)
def test_a_plugin_that_fails_to_import_harms_nobody(site: Path, source: str, error: str) -> None:
    module = f"broken_{abs(hash(source))}"
    write_distribution(site, "acme-broken", {"broken": module}, {module: source})
    write_distribution(
        site, "acme-trees", {"trees": "trees_e"}, {"trees_e": importer_module("trees")}
    )
    loaded = load(site)
    assert loaded.names("importer") == ["trees"]
    (broken,) = loaded.broken
    assert (broken.name, broken.distribution) == ("broken", "acme-broken")
    assert error in broken.error


HOOK = "from polymodal_core import hookimpl\n@hookimpl\n"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("def register_tasks():\n    raise KeyError('later')", "KeyError: 'later'"),
        ("def register_tasks():\n    return None", "TypeError: 'NoneType' object is not iterable"),
        ("def register_tasks():\n    raise SystemExit(2)", "SystemExit: 2"),
    ],
)
def test_a_hook_that_fails_harms_nobody(site: Path, body: str, error: str) -> None:
    module = f"hook_{abs(hash(body))}"
    write_distribution(site, "acme-hook", {"hook": module}, {module: HOOK + body})
    write_distribution(
        site, "acme-trees", {"trees": "trees_f"}, {"trees_f": importer_module("trees")}
    )
    loaded = load(site)
    assert loaded.names("importer") == ["trees"]
    assert [(item.name, item.error) for item in loaded.broken] == [("hook", error)]


def test_the_error_of_a_broken_plugin_shows_when_something_is_missing(site: Path) -> None:
    write_distribution(
        site, "acme-broken", {"broken": "broken_g"}, {"broken_g": "raise OSError('no sensor')"}
    )
    with pytest.raises(UnknownNameError) as caught:
        load(site).modality("sensor")
    assert "no modality 'sensor' is installed" in str(caught.value)
    assert "'broken' of acme-broken could not be loaded: OSError: no sensor" in str(caught.value)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "def register_modalites():\n    return []",
            "unknown hook 'register_modalites'; did you mean 'register_modalities'",
        ),
        (
            "def register_tasks(app):\n    return []",
            "acme-wrong: a hook of plug-in 'wrong' has parameters",
        ),
        (
            "def register_tasks():\n    return [int]",
            r"acme-wrong: register_tasks returned <class 'int'>; wanted subclasses of TaskConfig",
        ),
    ],
)
def test_a_plugin_that_breaks_the_contract_is_an_error(site: Path, body: str, message: str) -> None:
    module = f"wrong_{abs(hash(body))}"
    write_distribution(site, "acme-wrong", {"wrong": module}, {module: HOOK + body})
    with pytest.raises(PluginError, match=message):
        load(site)


def test_a_function_with_the_name_of_a_hook_but_no_mark_is_none(site: Path) -> None:
    write_distribution(
        site,
        "acme-plain",
        {"plain": "plain_h"},
        {"plain_h": "def register_tasks():\n    raise OSError"},
    )
    loaded = load(site)
    assert not loaded.registrations
    assert not loaded.broken


class KindlessConfig(ImporterConfig):
    """It has no kind."""


class BareModalityConfig(ModalityConfig):
    """It names no encoder."""

    kind: Literal["bare"] = "bare"


class BareEncoderConfig(EncoderConfig):
    """It does not say what it encodes."""

    kind: Literal["bare"] = "bare"


@pytest.mark.parametrize(
    ("group", "config", "message"),
    [
        ("importer", KindlessConfig, "acme: KindlessConfig has no kind; declare"),
        ("modality", BareModalityConfig, "acme: BareModalityConfig has no default_encoder"),
        ("encoder", BareEncoderConfig, "acme: BareEncoderConfig has no modality"),
    ],
)
def test_classes_without_what_a_recipe_needs_are_refused(
    group: str, config: type[ImporterConfig], message: str
) -> None:
    with pytest.raises(PluginError, match=message):
        Registry().add(group, config, "acme")


class AlienConfig(EncoderConfig):
    """An encoder of another package for numbers."""

    kind: Literal["alien"] = "alien"
    modality: ClassVar[str] = "number"


def test_encoders_are_named_below_their_modality() -> None:
    registry = toy_registry()
    registry.add("encoder", AlienConfig, "acme")
    assert registry.names("encoder", prefix="number/") == ["alien", "linear", "pretrained"]
    assert registry.configs("encoder", prefix="number/")[1] is LinearConfig
    assert registry.encoder("number", "linear") is LinearConfig
    assert registry.modality("number") is NumberConfig
    with pytest.raises(
        UnknownNameError,
        match="no encoder 'liner' of kind 'number' is installed; did you mean 'linear'",
    ):
        registry.encoder("number", "liner")


def test_a_union_needs_a_member() -> None:
    assert toy_registry().union("encoder", prefix="number/") is not None
    with pytest.raises(UnknownNameError, match="no task is installed"):
        toy_registry().union("task")


def test_the_registry_of_the_process_is_loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def found() -> list[EntryPoint]:
        calls.append(1)
        return []

    monkeypatch.setattr(plugins, "_entry_points", found)
    plugins.registry.cache_clear()
    try:
        assert plugins.registry() is plugins.registry()
        assert calls == [1]
    finally:
        plugins.registry.cache_clear()


def test_the_table_lists_what_is_installed_and_what_is_broken(site: Path) -> None:
    write_distribution(
        site, "acme-broken", {"broken": "broken_i"}, {"broken_i": "raise OSError('no sensor')"}
    )
    write_distribution(
        site, "acme-trees", {"trees": "trees_i"}, {"trees_i": importer_module("trees")}
    )
    lines = table(load(site)).splitlines()
    assert lines[0].split() == ["provides", "name", "distribution"]
    assert lines[2].split() == ["importer", "trees", "acme-trees"]
    assert lines[3] == "BROKEN  broken (acme-broken): OSError: no sensor"


@pytest.mark.parametrize(
    ("kinds", "broken", "code"), [(["a"], False, 0), (["a"], True, 1), (["a", "a"], False, 2)]
)
def test_the_command_line_says_by_its_exit_code_what_is_wrong(
    site: Path,
    kinds: list[str],
    broken: bool,
    code: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number, kind in enumerate(kinds):
        module = f"plugin_{number}_{code}"
        source = importer_module(kind)
        write_distribution(site, f"acme-{number}", {f"p{number}": module}, {module: source})
    if broken:
        write_distribution(site, "acme-broken", {"broken": "broken_j"}, {"broken_j": "1 / 0"})
    monkeypatch.setattr(plugins, "_entry_points", lambda: entry_points_in(site))
    assert main() == code
    out, err = capsys.readouterr()
    assert ("ZeroDivisionError" in out) == broken
    assert ("importer 'a' is registered twice, by acme-0 and by acme-1" in err) == (code == 2)


def test_the_module_can_be_run(site: Path) -> None:
    write_distribution(site, "acme-t", {"t": "trees_k"}, {"trees_k": importer_module("trees")})
    done = subprocess.run(
        [sys.executable, "-m", "polymodal_core.plugins"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(site)},
    )
    assert not done.stderr
    assert ["importer", "trees", "acme-t"] in [line.split() for line in done.stdout.splitlines()]
