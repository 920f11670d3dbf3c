"""The model: one tower per column, from inputs to unit vectors of the shared space."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from polymodal_core.batch import Batch, Embeddings, Features, Inputs
from polymodal_core.errors import PolymodalError
from polymodal_core.fusion import Exchange, Fused
from polymodal_core.lora import is_adapter, set_adapter_mode
from polymodal_core.objective import MapsWanted
from polymodal_core.token_maps import maps_of


class PooledEncoder(nn.Module):
    """An encoder out of any module that maps inputs to [present, feature_dim]."""

    def __init__(self, module: nn.Module, *, feature_dim: int) -> None:
        """Wrap `module`."""
        super().__init__()
        self.module = module
        self.feature_dim = feature_dim

    def forward(self, inputs: Inputs) -> Features:
        """Map inputs [present, ...] to features [present, feature_dim]."""
        return Features(pooled=self.module(inputs))


class Model(nn.Module):
    """Encoders and projection heads by column; columns that share an encoder name its owner.

    Frozen encoders stay in eval mode (BatchNorm, dropout) and take no gradient. So do adapted ones,
    their adapters excepted. Of an encoder that has a `backbone`, all of this is about that part
    alone (`protocols.Encoder`). With a `fusion`, heads stand behind it (`fusion.Fusion`);
    without one, every column is a tower of its own.
    """

    def __init__(
        self,
        encoders: Mapping[str, nn.Module],
        heads: Mapping[str, nn.Module],
        *,
        dim: int,
        owners: Mapping[str, str] | None = None,
        frozen: frozenset[str] = frozenset(),
        adapted: frozenset[str] = frozenset(),
        fusion: nn.Module | None = None,
    ) -> None:
        """Assemble; `owners` [column] names the encoder of a column where it is not its own.

        `adapted` encoders have adapters already (`lora.add_adapters`).
        """
        super().__init__()
        self.dim = dim
        self.owners = {column: (owners or {}).get(column, column) for column in heads}
        self.frozen = frozen
        self.adapted = adapted
        self.encoders = nn.ModuleDict({_key(name): module for name, module in encoders.items()})
        self.fusion = fusion
        self.heads = nn.ModuleDict({_key(name): module for name, module in heads.items()})
        self._held: tuple[nn.Module, ...] = ()
        self._free: frozenset[str] | None = None
        for name in frozen:
            backbone_of(self.encoders[_key(name)]).requires_grad_(False)
        for name in adapted:
            for inner, parameter in backbone_of(self.encoders[_key(name)]).named_parameters():
                parameter.requires_grad_(is_adapter(inner))
        self.train(self.training)

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return list(self.owners)

    def train(self, mode: bool = True) -> Model:
        """Set training mode, frozen weights excepted."""
        super().train(mode)
        for name in self.frozen:
            backbone_of(self.encoders[_key(name)]).eval()
        for name in self.adapted:
            set_adapter_mode(backbone_of(self.encoders[_key(name)]), training=mode)
        for module in self._held:
            module.eval()
        return self

    def hold(self, columns: Collection[str] = (), *, fusion: bool = False) -> None:
        """Keep encoder and head of some columns, and the fusion, as they are until the next call.

        They take no gradient and stay in eval mode, as frozen encoders do; what was held before is
        let go. An encoder that columns share is held where all of them are.
        """
        if self._free is None:
            self._free = frozenset(
                name for name, item in self.named_parameters() if item.requires_grad
            )
        used = {owner for column, owner in self.owners.items() if column not in columns}
        held: list[nn.Module] = [self.heads[_key(column)] for column in columns]
        held += [self.encoders[_key(name)] for name in set(self.owners.values()) - used]
        held += [self.fusion] if fusion and self.fusion is not None else []
        self._held = tuple(held)
        for name, parameter in self.named_parameters():
            parameter.requires_grad_(name in self._free)
        for module in held:
            module.requires_grad_(False)
        self.train(self.training)

    def features(self, column: str, inputs: Inputs) -> Features:
        """Encode inputs [present, ...] of a column, without its head.

        Inputs that are Features already are what `frozen_features` gave: only what is trained
        behind a backbone is still to be done.
        """
        owner = self.owners[column]
        encoder: Any = self.encoders[_key(owner)]
        whole = backbone_of(encoder) is encoder
        if isinstance(inputs, Features):
            return inputs if whole else cast("Features", encoder.finish(inputs))
        fixed = whole and owner in self.frozen
        with torch.set_grad_enabled(torch.is_grad_enabled() and not fixed):
            return cast("Features", encoder(inputs))

    def frozen_features(self, column: str, inputs: Inputs) -> Features:
        """Run what is frozen of a column's encoder over inputs [present, ...].

        The result never changes in training: it can be kept, and be given to `features` instead of
        the inputs.
        """
        with torch.no_grad():
            encoder = self.encoders[_key(self.owners[column])]
            return cast("Features", backbone_of(encoder)(inputs))

    def frozen_state(self, column: str) -> dict[str, Tensor]:
        """Give the weights that `frozen_features` of a column depend on."""
        return backbone_of(self.encoders[_key(self.owners[column])]).state_dict()

    def adapted_encoders(self) -> dict[str, nn.Module]:
        """Give the encoders that have adapters, by the column that owns them."""
        return {name: self.encoders[_key(name)] for name in self.adapted}

    def feature_dim(self, column: str) -> int:
        """Give the width of a column's features, before any fusion."""
        return int(cast("Any", self.encoders[_key(self.owners[column])]).feature_dim)

    def embed(self, column: str, inputs: Inputs) -> Tensor:
        """Map inputs [present, ...] of a column, seen alone, to unit vectors [present, dim]."""
        return self._alone(column, self.features(column, inputs))

    def combine(
        self,
        features: Mapping[str, Features],
        rows: Mapping[str, Tensor] | None = None,
        *,
        size: int | None = None,
    ) -> Tensor:
        """Embed rows by several of their columns together: unit vectors [size, dim].

        `rows[column]` [present] are the rows, of `size` in all, that the features of a column
        belong to; None: each column has every row. A row's embedding is the renormalised mean of
        those of its columns, after they have exchanged tokens where there is a fusion, and
        weighted where that has weights. Rows without any of the columns are 0.
        """
        pooled = next(iter(features.values())).pooled
        size = len(pooled) if size is None else size
        every = torch.arange(size, device=pooled.device)
        rows = dict.fromkeys(features, every) if rows is None else rows
        fused = (
            Fused({column: found.pooled for column, found in features.items()})
            if self.fusion is None
            else self.fuse(features, rows, size)
        )
        vectors = {column: self._head(column, found) for column, found in fused.features.items()}
        return _combined(vectors, fused.weights, rows, size=size)

    def attention(self, features: Mapping[str, Features]) -> Mapping[str, Tensor]:
        """Say what the fusion looks at in rows that have all of the columns given, together.

        As `Fused.attention`; empty where there is no fusion, or one that looks at no tokens.
        """
        if self.fusion is None:
            return {}
        size = len(next(iter(features.values())).pooled)
        every = torch.arange(size, device=next(iter(features.values())).pooled.device)
        rows = dict.fromkeys(features, every)
        fused = cast("Fused", self.fusion(features, rows, size=size, attention=True))
        return fused.attention or {}

    def forward(
        self,
        batch: Batch,
        exchange: Exchange | None = None,
        *,
        joint: bool = False,
        maps: MapsWanted | None = None,
    ) -> Embeddings:
        """Embed the values present in a batch: unit vectors [batch, dim], zeros where absent.

        With a fusion, the columns of a side of `exchange` see each other, and each has the
        embedding of its row's side, as `combine` gives it, unless columns of one side are compared;
        without `exchange`, each column is seen alone. `joint` asks for the embeddings of whole rows
        too, `maps` for maps of tokens. Raises PolymodalError where the sides do not hold each
        column once, and as `token_maps.token_map` does.
        """
        features = {
            column: self.features(column, batch.inputs[column])
            for column in self.owners
            if column in batch.inputs
        }
        losses = {name: found for name, found in features.items() if found.auxiliary is not None}
        vectors = self._vectors(features, batch, exchange)
        z, present = {}, {}
        device = batch.instance.device
        for column in self.owners:
            mask = torch.zeros(batch.size, dtype=torch.bool, device=device)
            if column not in vectors:
                z[column] = torch.zeros(batch.size, self.dim, device=device)
            else:
                rows, found = batch.rows[column], vectors[column]
                z[column] = found.new_zeros(batch.size, self.dim).index_copy(0, rows, found)
                mask[rows] = True
            present[column] = mask
        compare = None if exchange is None else exchange.compare
        whole = None
        if joint:
            held = {column: batch.rows[column] for column in features}
            whole = torch.zeros(batch.size, self.dim, device=device)
            whole = self.combine(features, held, size=batch.size) if features else whole
        laid = {} if maps is None else maps_of(self, features, batch, maps)
        return Embeddings(
            z,
            present,
            compare,
            auxiliary={name: cast("Tensor", item.auxiliary) for name, item in losses.items()},
            auxiliary_counts={name: _auxiliary_count(item) for name, item in losses.items()},
            joint=whole,
            maps=laid,
        )

    def _vectors(
        self, features: Mapping[str, Features], batch: Batch, exchange: Exchange | None
    ) -> dict[str, Tensor]:
        if self.fusion is None or exchange is None:
            return {column: self._alone(column, found) for column, found in features.items()}
        if sorted(column for side in exchange.sides for column in side) != sorted(self.owners):
            raise PolymodalError(
                f"the sides {exchange.sides} do not hold each of the columns "
                f"{', '.join(self.owners)} once"
            )
        vectors: dict[str, Tensor] = {}
        for side in exchange.sides:
            part = {column: features[column] for column in side if column in features}
            if part:
                vectors |= self._of_side(part, batch, exchange)
        return vectors

    def _of_side(
        self, features: Mapping[str, Features], batch: Batch, exchange: Exchange
    ) -> dict[str, Tensor]:
        rows = {column: batch.rows[column] for column in features}
        fused = self.fuse(features, rows, batch.size)
        vectors = {column: self._head(column, found) for column, found in fused.features.items()}
        if len(vectors) == 1 or exchange.compares_within(vectors):
            return vectors
        # What is compared is what an evaluation compares: the embedding of a row's side.
        together = _combined(vectors, fused.weights, rows, size=batch.size)
        return {column: together[rows[column]] for column in vectors}

    def _alone(self, column: str, features: Features) -> Tensor:
        if self.fusion is None:
            return self._head(column, features.pooled)
        size = len(features.pooled)
        rows = {column: torch.arange(size, device=features.pooled.device)}
        return self._head(column, self.fuse({column: features}, rows, size).features[column])

    def fuse(
        self, features: Mapping[str, Features], rows: Mapping[str, Tensor], size: int
    ) -> Fused:
        """Run the fusion over columns of `size` rows; only where there is one."""
        return cast("Fused", cast("nn.Module", self.fusion)(features, rows, size=size))

    def _head(self, column: str, pooled: Tensor) -> Tensor:
        return cast("Tensor", self.heads[_key(column)](pooled))

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Give the trainable parameters as `heads` and `backbones`.

        What an encoder has behind its `backbone` starts from nothing, as a head does; so do
        adapters.
        """
        adapted = {id(self.encoders[_key(name)]) for name in self.adapted}
        inside = {
            id(item)
            for module in self.encoders.values()
            for name, item in backbone_of(module).named_parameters()
            if not (id(module) in adapted and is_adapter(name))
        }
        trained = [item for item in self.parameters() if item.requires_grad]
        return {
            "heads": [item for item in trained if id(item) not in inside],
            "backbones": [item for item in trained if id(item) in inside],
        }


def _combined(
    vectors: Mapping[str, Tensor],
    weights: Mapping[str, Tensor] | None,
    rows: Mapping[str, Tensor],
    *,
    size: int,
) -> Tensor:
    # The renormalised mean of what columns say of their rows: [size, dim].
    first = next(iter(vectors.values()))
    sums = first.new_zeros(size, first.shape[1])
    for column, found in vectors.items():
        weight = 1.0 if weights is None else weights[column][:, None].to(found.dtype)
        sums = sums.to(found.dtype).index_add(0, rows[column], weight * found)
    return F.normalize(sums, dim=-1)


def _auxiliary_count(features: Features) -> Tensor:
    if features.auxiliary_count is not None:
        return features.auxiliary_count
    return torch.tensor(len(features.pooled), device=features.pooled.device)


def backbone_of(encoder: nn.Module) -> nn.Module:
    """Give the part that `tuning` is about: all of an encoder, unless it says otherwise."""
    return cast("nn.Module", getattr(encoder, "backbone", encoder))


def _key(column: str) -> str:
    # nn.ModuleDict refuses the names of its own attributes, those of an instance among them
    # ("type", "values", "training"); column names never end in an underscore, so this cannot
    # collide.
    return f"{column}_" if hasattr(_EMPTY, column) else column


_EMPTY = nn.ModuleDict()
