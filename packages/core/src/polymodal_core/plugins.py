"""Discovery of installed plug-ins, and the registry of what they provide.

`python -m polymodal_core.plugins` prints what is installed, by which distribution, and what is
broken.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Annotated, Any, TypeVar

import pluggy
from pydantic import Field

from polymodal_core import hookspecs
from polymodal_core.config import (
    Configuration,
    EncoderConfig,
    FusionConfig,
    ImporterConfig,
    ModalityConfig,
    ObjectiveConfig,
    TaskConfig,
)
from polymodal_core.errors import PluginError, UnknownNameError, suggest

C = TypeVar("C", bound=Configuration)

HOOKS: Mapping[str, tuple[str, type[Configuration]]] = {
    "register_modalities": ("modality", ModalityConfig),
    "register_encoders": ("encoder", EncoderConfig),
    "register_fusions": ("fusion", FusionConfig),
    "register_objectives": ("objective", ObjectiveConfig),
    "register_importers": ("importer", ImporterConfig),
    "register_tasks": ("task", TaskConfig),
}
"""Hook name to (what it registers, the base class)."""


@dataclass(frozen=True)
class BrokenPlugin:
    """A plug-in that could not be loaded: it harms nobody until something asks for what it has."""

    name: str
    distribution: str
    error: str


@dataclass(frozen=True)
class Registration:
    """One thing that one distribution provides: `group` ('encoder'), `name` ('image/timm')."""

    group: str
    name: str
    config: type[Configuration]
    distribution: str


@dataclass
class Registry:
    """Everything that the installed plug-ins provide, by group and name."""

    registrations: dict[tuple[str, str], Registration] = field(default_factory=dict)
    broken: list[BrokenPlugin] = field(default_factory=list)

    def add(self, group: str, config: type[Configuration], distribution: str) -> None:
        """Register one class; raises PluginError where the name is taken or missing."""
        kind = config.kind_name()
        if not kind:
            raise PluginError(
                f"{distribution}: {config.__name__} has no kind; "
                f'declare `kind: Literal["name"] = "name"`'
            )
        name = kind
        if issubclass(config, EncoderConfig):
            _require_attribute(config, "modality", distribution)
            name = f"{config.modality}/{kind}"
        elif issubclass(config, ModalityConfig) and not config.target:
            _require_attribute(config, "default_encoder", distribution)
        taken = self.registrations.get((group, name))
        if taken is not None and taken.config is not config:
            raise PluginError(
                f"{group} '{name}' is registered twice, by {taken.distribution} and by "
                f"{distribution}; uninstall one of them, or rename the kind in yours"
            )
        self.registrations[group, name] = Registration(group, name, config, distribution)

    def names(self, group: str, *, prefix: str = "") -> list[str]:
        """List the names of a group, for encoders below `prefix` ('image/')."""
        return sorted(
            name.removeprefix(prefix)
            for registered, name in self.registrations
            if registered == group and name.startswith(prefix)
        )

    def configs(self, group: str, *, prefix: str = "") -> list[type[Configuration]]:
        """List the classes of a group in the order of their names."""
        return [
            self.registrations[group, f"{prefix}{name}"].config
            for name in self.names(group, prefix=prefix)
        ]

    def find(self, group: str, name: str, base: type[C]) -> type[C]:
        """Give the class registered as `name`; raises UnknownNameError with the nearest name."""
        found = self.registrations.get((group, name))
        if found is not None and issubclass(found.config, base):
            return found.config
        prefix, _, last = name.rpartition("/")
        prefix = f"{prefix}/" if prefix else ""
        of = f" of kind '{prefix[:-1]}'" if prefix else ""
        broken = "".join(
            f"\n  (plug-in '{item.name}' of {item.distribution} could not be loaded: {item.error})"
            for item in self.broken
        )
        raise UnknownNameError(
            f"no {group} '{last}'{of} is installed"
            f"{suggest(last, self.names(group, prefix=prefix))}{broken}"
        )

    def modality(self, kind: str) -> type[ModalityConfig]:
        """Give the config class of a kind of modality."""
        return self.find("modality", kind, ModalityConfig)

    def encoder(self, modality: str, kind: str) -> type[EncoderConfig]:
        """Give the config class of an encoder for a kind of modality."""
        return self.find("encoder", f"{modality}/{kind}", EncoderConfig)

    def importer(self, kind: str) -> type[ImporterConfig]:
        """Give the config class of an importer."""
        return self.find("importer", kind, ImporterConfig)

    def union(self, group: str, *, prefix: str = "") -> Any:
        """Make the discriminated union of a group's classes, for a pydantic field or a schema."""
        classes = self.configs(group, prefix=prefix)
        if not classes:
            raise UnknownNameError(f"no {group} is installed; install a package that provides one")
        if len(classes) == 1:
            return classes[0]
        return Annotated[functools.reduce(operator.or_, classes), Field(discriminator="kind")]


def _entry_points() -> Iterable[EntryPoint]:
    return entry_points(group=hookspecs.PROJECT)


def load_registry(found: Iterable[EntryPoint] | None = None) -> Registry:
    """Load every installed plug-in (or the entry points `found`) into a fresh registry.

    A plug-in that fails to import is remembered in `broken`. Raises PluginError where two
    distributions claim one entry-point name or one kind, and for a misspelt hook.
    """
    points = sorted(_entry_points() if found is None else found, key=lambda point: point.name)
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    registry = Registry()
    owners: dict[str, tuple[str, str]] = {}
    modules: list[tuple[ModuleType, str, str]] = []
    for point in points:
        distribution = point.dist.name if point.dist is not None else "(unknown distribution)"
        owner = owners.setdefault(point.name, (distribution, point.value))
        if owner[0] != distribution:
            # pluggy's own loader would silently skip the second one.
            raise PluginError(
                f"two distributions provide a plug-in named '{point.name}': {owner[0]} and "
                f"{distribution}; uninstall one of them"
            )
        try:
            module = point.load()
        except (Exception, SystemExit) as error:  # whatever a foreign module raises is its fault
            registry.broken.append(_broken(point.name, distribution, error))
            continue
        if not manager.is_registered(module):
            _register(manager, module, point.name, distribution)
            modules.append((module, point.name, distribution))
    _check_hook_names(manager)
    for module, name, distribution in modules:
        for hook, (group, base) in HOOKS.items():
            implementation = getattr(module, hook, None)
            if implementation is None or not _is_hook(manager, module, hook):
                continue
            for config in _provided(registry, implementation, name, distribution):
                if not (isinstance(config, type) and issubclass(config, base)):
                    raise PluginError(
                        f"{distribution}: {hook} returned {config!r}; wanted subclasses of "
                        f"{base.__name__}"
                    )
                registry.add(group, config, distribution)
    return registry


def _provided(
    registry: Registry,
    implementation: Callable[[], Sequence[type[Configuration]]],
    name: str,
    distribution: str,
) -> Sequence[type[Configuration]]:
    try:
        return tuple(implementation())
    except (Exception, SystemExit) as error:  # as at import: remembered, nobody else is harmed
        registry.broken.append(_broken(name, distribution, error))
        return ()


def _broken(name: str, distribution: str, error: BaseException) -> BrokenPlugin:
    return BrokenPlugin(name, distribution, f"{type(error).__name__}: {error}")


def _register(
    manager: pluggy.PluginManager, module: ModuleType, name: str, distribution: str
) -> None:
    try:
        manager.register(module, name=name)
    except pluggy.PluginValidationError as error:
        raise PluginError(
            f"{distribution}: a hook of plug-in '{name}' has parameters; hooks take none ({error})"
        ) from None


def _require_attribute(config: type[Configuration], attribute: str, distribution: str) -> None:
    if not isinstance(getattr(config, attribute, None), str):
        raise PluginError(
            f"{distribution}: {config.__name__} has no {attribute}; "
            f'declare `{attribute}: ClassVar[str] = "..."`'
        )


def _is_hook(manager: pluggy.PluginManager, module: ModuleType, hook: str) -> bool:
    return manager.parse_hookimpl_opts(module, hook) is not None


def _check_hook_names(manager: pluggy.PluginManager) -> None:
    try:
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        name = str(error).split("'")[1] if "'" in str(error) else str(error)
        raise PluginError(
            f"plug-in {getattr(error.plugin, '__name__', '')} implements an unknown hook '{name}'"
            f"{suggest(name, HOOKS)}"
        ) from None


@functools.cache
def registry() -> Registry:
    """Give the registry of this process, loaded once."""
    return load_registry()


def table(loaded: Registry) -> str:
    """Lay out the registry as a table of text: what, name, distribution; then what is broken."""
    lines = [("provides", "name", "distribution")]
    lines += [
        (group, name, item.distribution)
        for (group, name), item in sorted(loaded.registrations.items())
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(3)]
    text = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    text.insert(1, "  ".join("-" * width for width in widths))
    text += [f"BROKEN  {item.name} ({item.distribution}): {item.error}" for item in loaded.broken]
    return "\n".join(text)


def main() -> int:
    """Print the table; exit code 1 where a plug-in is broken, 2 where plug-ins collide."""
    import sys

    try:
        loaded = load_registry()
    except PluginError as error:
        print(error, file=sys.stderr)
        return 2
    print(table(loaded))
    return 1 if loaded.broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
