"""Running a pack with its progress shown, and saying what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from polymodal_core.config import ImporterConfig
from polymodal_core.plugins import registry
from polymodal_datasets.pack import PackReport, pack

from polymodal_packer.progress import pack_progress
from polymodal_packer.settings import check_packing, read_settings


def run_pack(
    config: type[ImporterConfig],
    out: Path,
    *,
    root: str | None,
    settings: Iterable[str],
    strict: bool,
    workers: int | None,
    restart: bool,
) -> None:
    """Pack with an importer; raises PolymodalError for whatever a user can act on."""
    read = read_settings(config, settings, root=root)
    importer = read.importer.build()
    check_packing(read.packing, importer.columns, config)
    with pack_progress(importer.total) as progress:
        report = pack(
            importer,
            out,
            registry=registry(),
            options=read.packing,
            source=read.importer.model_dump(mode="json", exclude_none=True),
            strict=strict,
            workers=workers,
            restart=restart,
            progress=progress,
        )
    print(said(report, getattr(importer, "notes", {})))


def said(report: PackReport, notes: Mapping[str, int]) -> str:
    """Say what a pack made, what the importer left out, and which rows were bad."""
    items = ", ".join(f"{count:,} {name}" for name, count in report.items.items())
    lines = [f"{report.path}: {report.rows:,} rows of {items}"]
    if report.resumed:
        lines.append(f"went on after the {report.resumed:,} rows that an earlier call had packed")
    lines += [f"{what}: {count:,}" for what, count in notes.items()]
    if report.skipped:
        lines.append(f"{report.skipped:,} bad rows were skipped:")
        lines += [f"  {skipped}" for skipped in report.first_skipped]
        if report.skipped > len(report.first_skipped):
            lines.append("  ...")
        lines.append(f"all of them are in {report.path / 'bad_rows.jsonl'}")
    return "\n".join(lines)
