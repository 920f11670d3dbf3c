from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from polymodal_core.errors import PolymodalError
from polymodal_core.rows import Importer, Row
from polymodal_core.testing import check_importer
from polymodal_datasets.importers.flickr8k import Flickr8kConfig
from polymodal_datasets.synthesis import synthesiser
from pydantic import ValidationError

from .reading import ids, rows_of, split_rows, values, write
from .sounds import record

PICTURES = ("a.jpg", "b.jpg")


def tree(root: Path, *, captions: int = 5) -> Path:
    lines = [f"{name}#{n}\tcaption {n} of it .\n" for name in PICTURES for n in range(captions)]
    write(root / "Flickr8k_text/Flickr8k.token.txt", "".join(lines))
    write(root / "Flickr8k_text/Flickr_8k.trainImages.txt", "a.jpg\n")
    write(root / "Flickr8k_text/Flickr_8k.devImages.txt", "b.jpg\n")
    (root / "Flicker8k_Dataset").mkdir(parents=True)
    for name in PICTURES:
        Image.new("RGB", (8, 8)).save(root / "Flicker8k_Dataset" / name)
    return root


def corpus(root: Path, *, without: tuple[str, ...] = ()) -> Path:
    pairs = [(f"{name[0]}_{n}.wav", name, n) for name in PICTURES for n in range(5)]
    table = "".join(f"{wav} {name} #{n}\n" for wav, name, n in pairs if wav not in without)
    write(root / "wav2capt.txt", table)
    write(root / "wav2spk.txt", "".join(f"{wav} {n % 2}\n" for wav, _, n in pairs))
    record(root / "wavs", *(wav for wav, _, _ in pairs))
    return root


def build(root: Path, **options: Any) -> Importer:
    return Flickr8kConfig(root=root, **options).build()


def notes(importer: Any) -> dict[str, int]:
    return dict(importer.notes)


def test_a_row_is_a_picture_a_caption_and_the_recording_of_that_caption(tmp_path: Path) -> None:
    importer = build(tree(tmp_path / "f"), audio_root=corpus(tmp_path / "audio"))
    rows = rows_of(importer)
    assert importer.total == len(rows) == 10
    assert importer.columns["speech"].kind == "speech"
    for row in rows:
        picture, _, number = row.items["text"].id.partition("#")
        assert row.items["speech"].id == f"wavs/{picture[0]}_{number}.wav"
        path = Path(row.items["speech"].value)
        assert path.is_absolute()
        assert path.is_file()
    assert len(set(ids(rows, "speech"))) == 10
    assert len(set(ids(rows, "image"))) == 2
    assert notes(importer) == {"speakers": 2}


def test_a_relative_audio_root_is_found_from_where_the_user_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree(tmp_path / "f")
    corpus(tmp_path / "audio")
    monkeypatch.chdir(tmp_path)
    rows = rows_of(build(Path("f"), audio_root=Path("audio")))
    assert Path(values(rows, "speech")[0]) == tmp_path / "audio" / "wavs" / "a_0.wav"


def test_captions_and_recordings_without_a_partner_are_counted(tmp_path: Path) -> None:
    audio = corpus(tmp_path / "audio", without=("a_3.wav",))
    (audio / "wavs" / "b_1.wav").unlink()
    with (audio / "wav2capt.txt").open("a") as table:
        table.write("c_0.wav c.jpg #0\n\n")
    importer = build(tree(tmp_path / "f"), audio_root=audio)
    rows = rows_of(importer)
    lacking = [row.items["text"].id for row in rows if "speech" not in row.items]
    assert lacking == ["a.jpg#3", "b.jpg#1"]
    assert notes(importer) == {
        "captions without a recording": 2,
        "recordings of captions in no row": 2,
        "speakers": 2,
    }


def test_speakers_may_be_unknown(tmp_path: Path) -> None:
    audio = corpus(tmp_path / "audio")
    (audio / "wav2spk.txt").unlink()
    importer = build(tree(tmp_path / "f"), audio_root=audio)
    assert len(rows_of(importer)) == 10
    assert notes(importer) == {}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a_0.wav a.jpg", r"wav2capt\.txt:11: 'name.wav picture.jpg #0' is expected; given"),
        ("a_0.wav a.jpg 0", r"wav2capt\.txt:11"),
        ("z.wav a.jpg #0", r"the caption a\.jpg#0 has two recordings, a_0\.wav and z\.wav"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(tmp_path: Path, line: str, message: str) -> None:
    audio = corpus(tmp_path / "audio")
    with (audio / "wav2capt.txt").open("a") as table:
        table.write(f"{line}\n")
    with pytest.raises(PolymodalError, match=message):
        build(tree(tmp_path / "f"), audio_root=audio)


def test_a_missing_corpus_is_refused(tmp_path: Path) -> None:
    tree(tmp_path)
    with pytest.raises(
        PolymodalError, match=r"has no wav2capt\.txt; the folder of the Flickr8k Au"
    ):
        build(tmp_path, audio_root=tmp_path)
    write(tmp_path / "wav2capt.txt", "")
    with pytest.raises(PolymodalError, match="has no wavs; the folder"):
        build(tmp_path, audio_root=tmp_path)


def test_bad_rows_pass_unchanged(tmp_path: Path) -> None:
    root = tree(tmp_path / "f")
    with (root / "Flickr8k_text/Flickr8k.token.txt").open("a") as table:
        table.write("nonsense\n")
    rows, bad = split_rows(build(root, audio_root=corpus(tmp_path / "audio")))
    assert (len(rows), len(bad)) == (10, 1)


def test_one_source_of_speech_at_a_time(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="audio_root and synthesise are both set"):
        Flickr8kConfig(root=tmp_path, audio_root=tmp_path, synthesise=True)
    with pytest.raises(ValidationError, match="recordings and seed belong to synthesise = true"):
        Flickr8kConfig(root=tmp_path, recordings=1)


def test_without_speech_there_is_no_such_column(tmp_path: Path) -> None:
    importer = build(tree(tmp_path))
    assert set(importer.columns) == {"image", "text"}
    assert all("speech" not in row.items for row in rows_of(importer))


def spoken(rows: list[Row]) -> dict[str, bytes]:
    return {
        row.items["speech"].id: row.items["speech"].value[0].tobytes()
        for row in rows
        if "speech" in row.items
    }


def test_captions_are_synthesised(tmp_path: Path) -> None:
    pytest.importorskip("espeakng_loader")
    pytest.importorskip("torchaudio")
    root = tree(tmp_path, captions=3)
    with (root / "Flickr8k_text/Flickr8k.token.txt").open("a") as table:
        table.write("a.jpg#3\t...\n")
    importer = build(root, synthesise=True)
    assert importer.total == 7
    rows = rows_of(importer)
    found = spoken(rows)
    assert set(found) == {f"{name}#{n}" for name in PICTURES for n in range(3)}
    assert len(set(found.values())) == 6
    waveform, rate = rows[0].items["speech"].value
    assert (waveform.dtype, rate) == (np.int16, 16_000)
    assert notes(importer) == {"captions without a recording": 1}
    first = build(root, synthesise=True, recordings=1)
    assert spoken(rows_of(first)) == {name: found[name] for name in ("a.jpg#0", "b.jpg#0")}
    other = spoken(rows_of(build(root, synthesise=True, recordings=1, seed=1)))
    assert other["a.jpg#0"] != found["a.jpg#0"]


def test_without_the_synthesiser_that_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(synthesiser, "_installed", lambda name: False)
    with pytest.raises(PolymodalError, match="spoken captions need espeakng_loader"):
        build(tree(tmp_path), synthesise=True)


def test_contract(tmp_path: Path) -> None:
    check_importer(Flickr8kConfig(root=tree(tmp_path / "f"), audio_root=corpus(tmp_path / "audio")))
    pytest.importorskip("espeakng_loader")
    pytest.importorskip("torchaudio")
    check_importer(Flickr8kConfig(root=tmp_path / "f", synthesise=True, recordings=1))
