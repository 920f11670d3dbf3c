"""Filling the gaps of a column with estimates, into a new store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polymodal_core.config import EstimatorConfig
from polymodal_core.errors import PolymodalError, RecipeError, StoreError, suggest
from polymodal_core.plugins import Registry, registry
from polymodal_core.problems import problems_of
from polymodal_core.recipe import override
from polymodal_datasets.filled import FilledStore, Filling, Gaps
from polymodal_datasets.grid import store_modalities
from polymodal_datasets.pack import pack
from polymodal_datasets.readers import decode
from polymodal_datasets.store import Store
from polymodal_datasets.working_folder import check_free
from pydantic import ValidationError

from polymodal_packer.packing import said
from polymodal_packer.progress import pack_progress

if TYPE_CHECKING:
    from polymodal_core.protocols import Estimator, Modality


@dataclass(frozen=True)
class Request:
    """What the user asked for; columns that are None are the only ones of their kind."""

    store: Path
    out: Path
    kind: str
    settings: tuple[str, ...]
    column: str | None = None
    source: str | None = None
    split: str = "train"
    samples: int = 200


def run_estimation(request: Request, *, strict: bool, workers: int | None, restart: bool) -> None:
    """Calibrate on true values, fill what is missing, and say what came of it.

    Raises PolymodalError for whatever a user can act on, before anything is written.
    """
    check_free(request.out)
    loaded = registry()
    store = Store(request.store)
    config = estimator_config(loaded, request)
    gaps = find_gaps(store, request, source=type(config).source)
    missing = len(gaps.missing(store))
    if not missing:
        raise StoreError(
            f"{store.path}: no row that has '{gaps.source}' lacks '{gaps.column}'; there is "
            f"nothing to fill"
        )
    modalities = store_modalities(store, loaded)
    estimator = config.build()
    calibration = dict(estimator.calibrate(_pairs(store, gaps, modalities, request)))
    picture = loaded.modality(store.columns[gaps.source].kind).model_validate({}).build()
    source = {
        "kind": request.kind,
        "estimator": config.model_dump(mode="json", exclude_none=True),
        "calibration": calibration,
        "filled": missing,
        "store": str(request.store),
        "fingerprint": store.fingerprint,
    }
    importer = FilledStore(
        store,
        gaps,
        _Filler(store, gaps.source, modalities[gaps.source], estimator, picture),
        token=repr((source["estimator"], calibration)),
    )
    with pack_progress(importer.total) as progress:
        report = pack(
            importer,
            request.out,
            registry=loaded,
            source=source,
            strict=strict,
            workers=workers or 1,  # the model has threads of its own
            restart=restart,
            progress=progress,
        )
    print(said(report, {}))
    print(_filled(gaps, missing, config.model, calibration))


def estimator_config(loaded: Registry, request: Request) -> EstimatorConfig:
    """Validate the options of a kind's estimator; raises PolymodalError where it has none."""
    kind = loaded.modality(request.kind).estimator
    if kind is None:
        raise PolymodalError(f"values of kind '{request.kind}' cannot be estimated from others")
    given = override({}, request.settings)
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        raise RecipeError(problems_of(error, kind, given), source="options") from None


def find_gaps(store: Store, request: Request, *, source: str) -> Gaps:
    """Find the columns; raises StoreError where they are not there, or several could be meant."""
    filled = _column(store, request.column, request.kind, option="--column", absent=request.kind)
    given = _column(store, request.source, source, option="--from", absent=None)
    if request.split not in store.table.split_names:
        store.rows_of(request.split)  # raises, and lists the splits
    return Gaps(filled, request.kind, given, f"{filled}_confidence")


def _column(store: Store, name: str | None, kind: str, *, option: str, absent: str | None) -> str:
    known = [column.name for column in store.columns.values() if column.kind == kind]
    if name is not None and name not in known:
        raise StoreError(
            f"{store.path} has no column '{name}' of kind '{kind}'{suggest(name, known)}"
        )
    # Confidence is kept in pictures, and is nothing to estimate from.
    plain = [column for column in known if not column.endswith("_confidence")]
    if name is not None or len(plain) == 1:
        return plain[0] if name is None else name
    if not plain and absent is not None:
        return absent
    if not plain:
        raise StoreError(f"{store.path} has no column of kind '{kind}' to estimate from")
    raise StoreError(
        f"{store.path} has several columns of kind '{kind}': {', '.join(plain)}; say which with "
        f"{option}"
    )


def _pairs(
    store: Store, gaps: Gaps, modalities: Mapping[str, Modality], request: Request
) -> Iterator[tuple[Any, Any]]:
    import numpy as np

    rows = gaps.true(store, request.split)
    drawn = np.random.default_rng(0).permutation(rows)[: request.samples]
    for row in np.sort(drawn):
        values = []
        for column in (gaps.source, gaps.column):
            item = int(store.table.items[column][row])
            (payload,) = store.read(column, [item])
            values.append(decode(store, column, modalities[column], item, payload))
        yield values[0], values[1]


@dataclass(frozen=True)
class _Filler:
    """Makes the bytes of an estimate, and of its confidence as a picture in grey."""

    store: Store
    column: str
    modality: Modality
    estimator: Estimator
    picture: Modality

    def __call__(self, item: int) -> Filling:
        import numpy as np

        (payload,) = self.store.read(self.column, [item])
        value = decode(self.store, self.column, self.modality, item, payload)
        found = self.estimator.estimate(value)
        grey = np.rint(255 * found.confidence).astype(np.uint8)
        return found.payload, self.picture.pack(np.stack([grey] * 3, axis=-1), None)


def _filled(gaps: Gaps, count: int, model: str, calibration: Mapping[str, Any]) -> str:
    text = f"{gaps.column} of {count:,} rows was estimated from {gaps.source} by {model}"
    pairs, error = calibration.get("pairs", 0), calibration.get("median_error")
    if error is not None:
        text += f"; on {pairs:,} rows with true values it is off by {100 * error:.1f} % (median)"
    return f"{text}. Confidence: {gaps.confidence}"


def settings_of(model: str, settings: Iterable[str]) -> tuple[str, ...]:
    """Put `--model` before the other options."""
    return (f"model={_quoted(model)}", *settings)


def _quoted(text: str) -> str:
    import json

    return json.dumps(text)
