"""The rows that a model finds most alike and that are known not to match."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from polymodal_core.errors import RunError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from polymodal_datasets.known_matches import KnownMatches

    Integers = NDArray[np.int64]
    Vectors = NDArray[np.float32]

Search = Literal["exact", "faiss"]

TILE = 1 << 24
"""Cosines that are held at once."""
LISTS_FROM = 20_000
"""From so many rows on, faiss searches inverted lists instead of all rows."""
PROBES = 16
SPARE = 4
"""Candidates of faiss per neighbour wanted: some of them are known matches."""


@dataclass(frozen=True)
class Neighbours:
    """The nearest others of every row, nearest first, known matches left out.

    `places` int64 [rows, k] count within these rows, -1 where there is no further one; `scores`
    float32 [rows, k] are the mean cosines over the columns that both rows have.
    """

    places: Integers
    scores: Vectors


def nearest_neighbours(
    vectors: Mapping[str, Vectors],
    items: Mapping[str, Integers],
    matches: KnownMatches,
    k: int,
    *,
    search: Search = "exact",
    device: str = "cpu",
    advance: Callable[[int], None] = lambda _: None,
) -> Neighbours:
    """Find the `k` nearest others of every row, by mean cosine over shared columns.

    `vectors[column]` [items, dim] are unit vectors, `items[column]` [rows] their places, -1 where
    absent. `exact` compares all rows with all, tile by tile, on `device`. `faiss` compares each row
    with `SPARE * k` candidates of an index of its columns side by side; it may miss some, those of
    rows that have few columns in common first. `advance` hears how many rows are done. Raises
    RunError where faiss is not installed.
    """
    import numpy as np
    import torch

    rows = _Rows(vectors, items, matches, device)
    count = min(k, rows.count - 1)
    places = np.full((rows.count, k), -1, dtype=np.int64)
    scores = np.zeros((rows.count, k), dtype=np.float32)
    tiles = _all_tiles(rows) if search == "exact" else _candidate_tiles(rows, count)
    with torch.inference_mode():
        for part, cosines, others in tiles:
            top = cosines.topk(min(count, cosines.shape[1]), dim=1)
            found = top.indices if others is None else others.gather(1, top.indices)
            values = top.values.cpu().numpy()
            known = np.isfinite(values)
            width = values.shape[1]
            places[part, :width] = np.where(known, found.cpu().numpy(), -1)
            scores[part, :width] = np.where(known, values, 0)
            advance(len(values))
    return Neighbours(places, scores)


class _Rows:
    # Vectors, presence and ids of all rows, on one device.
    def __init__(
        self,
        vectors: Mapping[str, Vectors],
        items: Mapping[str, Integers],
        matches: KnownMatches,
        device: str,
    ) -> None:
        import torch

        self.count = len(matches.ids)
        self.vectors: list[Tensor] = []
        present = []
        for column, given in vectors.items():
            held = torch.from_numpy(items[column])
            found = torch.from_numpy(given)[held.clamp(min=0)] * (held >= 0)[:, None]
            self.vectors.append(found.to(device))
            present.append((held >= 0).float())
        self.present = torch.stack(present, dim=1).to(device)
        self.ids = torch.from_numpy(matches.ids).to(device)
        self.device = torch.device(device)

    def spans(self, width: int) -> Iterator[slice]:
        step = max(1, TILE // max(1, width))
        yield from (slice(at, min(at + step, self.count)) for at in range(0, self.count, step))

    def hide(self, cosines: Tensor, shared: Tensor, part: slice, ids: Tensor) -> Tensor:
        # Leaves out others without a shared column, and known matches by ids [.., others, kinds].
        own = self.ids[part]
        hidden = shared == 0
        for kind in range(own.shape[1]):
            mine = own[:, kind, None]
            hidden |= (ids[..., kind] == mine) & (mine >= 0)
        return cosines.div_(shared.clamp(min=1)).masked_fill_(hidden, -float("inf"))


Tiles = Iterator[tuple[slice, "Tensor", "Tensor | None"]]


def _all_tiles(rows: _Rows) -> Tiles:
    import torch

    for part in rows.spans(rows.count):
        cosines = torch.zeros((part.stop - part.start, rows.count), device=rows.device)
        for z in rows.vectors:
            cosines.addmm_(z[part], z.T)
        shared = rows.present[part] @ rows.present.T
        hidden = rows.hide(cosines, shared, part, rows.ids)
        own = torch.arange(part.start, part.stop, device=rows.device)
        hidden[own - part.start, own] = -float("inf")
        yield part, hidden, None


def _candidate_tiles(rows: _Rows, count: int) -> Tiles:
    import torch

    candidates = _candidates(rows, min(rows.count, SPARE * count + 1)).to(rows.device)
    width = candidates.shape[1]
    for part in rows.spans(width * sum(z.shape[1] for z in rows.vectors)):
        others = candidates[part]
        real = others.clamp(min=0)
        cosines = torch.zeros(others.shape, device=rows.device)
        for z in rows.vectors:
            cosines += torch.einsum("qd,qcd->qc", z[part], z[real])
        shared = torch.einsum("qn,qcn->qc", rows.present[part], rows.present[real])
        hidden = rows.hide(cosines, shared, part, rows.ids[real])
        own = torch.arange(part.start, part.stop, device=rows.device)[:, None]
        yield part, hidden.masked_fill_((others < 0) | (others == own), -float("inf")), others


def _candidates(rows: _Rows, width: int) -> Tensor:
    # A row's columns side by side, of length 1 however many it has: places [rows, width].
    import torch

    faiss = _faiss()
    columns = rows.present.sum(dim=1, keepdim=True).clamp(min=1).sqrt()
    joined = (torch.cat(rows.vectors, dim=1) / columns).cpu().contiguous().numpy()
    faiss.omp_set_num_threads(torch.get_num_threads())
    dim = joined.shape[1]
    index = faiss.IndexFlatIP(dim)
    if rows.count >= LISTS_FROM:
        index = faiss.IndexIVFFlat(index, dim, int(rows.count**0.5), faiss.METRIC_INNER_PRODUCT)
        index.nprobe = PROBES
        index.train(joined)  # faiss draws its starting points from a seed of its own, always one
    index.add(joined)
    return torch.from_numpy(index.search(joined, width)[1])


def check_search(search: Search) -> None:
    """Raise RunError where a search needs what is not installed."""
    if search == "faiss":
        _faiss()


def _faiss() -> Any:
    try:
        import faiss
    except ImportError as error:
        raise RunError(
            'data.hard.search = "faiss" needs faiss, which is not installed: '
            "`pip install 'polymodal-datasets[faiss]'`, or choose \"exact\""
        ) from error
    return faiss
