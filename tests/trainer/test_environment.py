"""What a run depended on."""

from __future__ import annotations

import subprocess
from importlib.metadata import version
from pathlib import Path

from polymodal_core.model import Model, PooledEncoder
from polymodal_core.plugins import Registration, Registry, registry
from polymodal_losses.config import PCMCConfig
from polymodal_trainer.environment import git_commit, parameter_counts, plugin_versions, session
from torch import nn


def test_versions_of_every_plugin_and_of_the_packages_here() -> None:
    versions = plugin_versions(registry())
    for name in ("polymodal-core", "polymodal-trainer", "polymodal-losses", "polymodal-image"):
        assert versions[name] == version(name)


def test_plugin_without_metadata_is_listed_as_unknown() -> None:
    loaded = Registry({("objective", "x"): Registration("objective", "x", PCMCConfig, "acme-x")})
    assert plugin_versions(loaded)["acme-x"] == "unknown"


def git(*arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    return subprocess.run(
        ["git", *identity, *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


def test_commit_of_the_working_directory() -> None:
    git("init", "-q")
    Path("a").write_text("1")
    git("add", "a")
    git("commit", "-qm", "a")
    commit = git("rev-parse", "HEAD")
    assert git_commit() == commit
    Path("a").write_text("2")
    assert git_commit() == f"{commit}-dirty"


def test_outside_git_there_is_no_commit() -> None:
    assert git_commit() is None
    assert session()["git_commit"] is None


def test_parameters_are_counted_once_where_an_encoder_is_shared() -> None:
    model = Model(
        {"a": PooledEncoder(nn.Linear(3, 2), feature_dim=2), "type": nn.Linear(5, 2)},
        {"a": nn.Linear(2, 2), "b": nn.Linear(2, 2), "type": nn.Linear(2, 2)},
        dim=2,
        owners={"b": "a"},
        frozen=frozenset({"type"}),
    )
    assert parameter_counts(model) == {
        "a": {"encoder": 8, "head": 6, "trainable": 14},
        "b": {"encoder": 0, "head": 6, "trainable": 6},
        "type": {"encoder": 12, "head": 6, "trainable": 6},
    }
