"""Bases of everything that a recipe or a command line configures."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

if TYPE_CHECKING:
    from torch import nn

    from polymodal_core.protocols import Encoder, Estimator, Modality, Objective, State
    from polymodal_core.rows import Importer


class Configuration(BaseModel):
    """A frozen table of options that refuses unknown keys."""

    # TOML can say nan and inf: no option wants them.
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @classmethod
    def kind_name(cls) -> str:
        """Give the value of `kind` that selects this class; empty where it has none."""
        field = cls.model_fields.get("kind")
        return field.default if field is not None and isinstance(field.default, str) else ""


class ModalityConfig(Configuration):
    """A kind of modality. Builds with defaults, so that packing and showing need no recipe.

    Subclasses set `kind: Literal["..."] = "..."`. `default_encoder` is the kind of encoder that a
    recipe gets when it names none. `of_classes` says that every item stands for a class. `target`
    says that values are what an objective predicts, and never an input: such a column has neither
    encoder nor head, its `fit` learns what the objective must know, and `packing` names the options
    that a recipe takes over from the store. `estimator` is what can fill missing values in from
    another kind, where anything can.
    """

    kind: str
    default_encoder: ClassVar[str]
    of_classes: ClassVar[bool] = False
    target: ClassVar[bool] = False
    packing: ClassVar[tuple[str, ...]] = ()
    estimator: ClassVar[type[EstimatorConfig] | None] = None

    def registered_with(self) -> str | None:
        """Name the kind whose values show the same place as this one's, in the same row.

        A row in which they differ in shape (`Modality.extent`) is not packed. None: no such kind.
        """
        return None

    def build(self, state: State | None = None) -> Modality:
        """Build the modality, with what `fit` learned where it has been fitted."""
        raise NotImplementedError


Tuning = Literal["full", "frozen", "lora"]


class LoRAConfig(Configuration):
    """Low-rank adapters beside the layers of an encoder (Hu et al. 2022), through peft.

    An adapter of `rank` adds alpha / rank times its output; `dropout` is of its input. `targets`
    are names of layers or their ends; left out: the linear layers of attention, and in a network
    without attention all linear layers and all convolutions but depthwise ones.
    """

    rank: int = Field(default=8, ge=1)
    alpha: int = Field(default=16, ge=1)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    targets: tuple[str, ...] | None = Field(default=None, min_length=1)


class EstimatorConfig(Configuration):
    """What estimates values of a kind from those of the kind `source`, where they are missing."""

    source: ClassVar[str]
    model: str

    def build(self) -> Estimator:
        """Build the estimator; raises PolymodalError where its model cannot be loaded."""
        raise NotImplementedError


class EncoderConfig(Configuration):
    """An encoder for values of kind `modality`, with `tuning` of its weights.

    `full` trains them, `frozen` keeps them, `lora` keeps them and trains adapters beside them.
    """

    kind: str
    modality: ClassVar[str]
    tuning: Tuning = "full"
    lora: LoRAConfig | None = None

    @model_validator(mode="before")
    @classmethod
    def _spell_out_lora(cls, given: Any) -> Any:
        # So that a resolved recipe says what the adapters are.
        if not isinstance(given, Mapping):
            return given
        tuning = given.get("tuning", cls.model_fields["tuning"].default)
        return {**given, "lora": {}} if tuning == "lora" and given.get("lora") is None else given

    @model_validator(mode="after")
    def _check_lora(self) -> Self:
        if self.lora is not None and self.tuning != "lora":
            raise ValueError(
                f'lora belongs to tuning = "lora"; given tuning = "{self.tuning}": leave lora out, '
                f"or set that"
            )
        return self

    def requires(self) -> dict[str, Any]:
        """Modality options that the pretrained weights fix (tokenizer, size, mean, std, rate).

        They become the defaults of the column's modality; a recipe that contradicts them is
        refused.
        """
        return {}

    def portable(self) -> EncoderConfig:
        """Give the same encoder, buildable without any file or network.

        Checkpoints keep it, so that a run folder is all that an evaluation needs: the weights come
        from the checkpoint, and what a pretrained model's files say has to stand in the options.
        """
        return self

    def build(self, *args: Any, **spec: Any) -> Encoder:
        """Build the encoder from the flat `spec()` of its modality."""
        raise NotImplementedError


class FusionConfig(Configuration):
    """A module over the token sequences of several modalities (`fusion.Fusion`)."""

    kind: str

    def caveats(self) -> tuple[str, ...]:
        """Say what users of these options should be warned of, a sentence each."""
        return ()

    def build(self, *, feature_dims: Mapping[str, int]) -> nn.Module:
        """Build the module for columns with these feature widths.

        Raises PolymodalError for options that do not go with the columns.
        """
        raise NotImplementedError


class ObjectiveConfig(Configuration):
    """A loss over embeddings.

    `pairs` are `["image", "text"]` or, weighted, `["image", "text", 0.5]`; None means all pairs.
    `groups` says which rows are known to match: none, those of one instance, those of one label.
    """

    kind: str
    pairs: tuple[tuple[str, str] | tuple[str, str, float], ...] | None = None
    groups: Literal["none", "instance", "label"] = "none"

    @field_validator("pairs", mode="before")
    @classmethod
    def _check_form(cls, pairs: Any) -> Any:
        for pair in pairs if isinstance(pairs, list | tuple) else ():
            if not isinstance(pair, list | tuple) or [type(part) for part in pair[:2]] != [
                str,
                str,
            ]:
                raise ValueError(f'{pair!r} is no pair; wanted ["image", "text"], or with a weight')
        return pairs

    def weights(self) -> dict[tuple[str, str], float] | None:
        """Give the pairs as {(a, b): weight}, None for all pairs."""
        if self.pairs is None:
            return None
        return {(pair[0], pair[1]): pair[2] if len(pair) == 3 else 1.0 for pair in self.pairs}

    def teachers(self) -> tuple[str, ...]:
        """Name the run folders whose embeddings of a batch's rows the objective learns from.

        As `teachers`, its `forward` gets unit vectors [batch, dim] by run folder and by column, of
        the columns that the run and the recipe share.
        """
        return ()

    def terms(self, columns: Collection[str]) -> list[tuple[str, str]]:
        """Name what the loss is made of: the pairs of `columns` that it compares.

        A column and "label", or a target column, where it predicts that from the column; "joint"
        for the column where it does so from whole rows.
        """
        weights = self.weights()
        return list(combinations(columns, 2)) if weights is None else list(weights)

    def needs(self) -> frozenset[str]:
        """Name what `build` has to be given: `columns`, `dim`, `classes`, `targets`, `widths`.

        These are the names of the model's columns, the width of the space, the number of classes
        that the store's labels name, the `spec()` of each target column, and the channels of each
        column's map of tokens. A checkpoint keeps what was given.
        """
        return frozenset()

    def build(self, *args: Any, **given: Any) -> Objective:
        """Build the objective, an `nn.Module`, from what it `needs`."""
        raise NotImplementedError


class ImporterConfig(Configuration):
    """A raw dataset layout."""

    kind: str

    def build(self) -> Importer:
        """Build the importer; raises PolymodalError where its files are missing or malformed."""
        raise NotImplementedError


class TaskConfig(Configuration):
    """An evaluation task."""

    kind: str

    def build(self) -> Any:
        """Build the task: a callable from what the evaluator knows to a result for the report."""
        raise NotImplementedError


class HeadConfig(Configuration):
    """A projection head: from an encoder's features to the shared space.

    `linear`: one layer. `mlp`: two with ReLU between (cmla, Eqs. 3, 4). `residual`: linear, then a
    feed-forward block with residual connection and LayerNorm (pcmc-pcmr, section 4). `identity`:
    none; needs features that are as wide as the space. `hidden` defaults to the width of the space.
    """

    kind: Literal["linear", "mlp", "residual", "identity"] = "residual"
    hidden: int | None = Field(default=None, gt=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)

    def build(self, *, feature_dim: int, dim: int) -> nn.Module:
        """Build a module from [present, feature_dim] to unit vectors [present, dim]."""
        from polymodal_core.heads import ProjectionHead

        return ProjectionHead(
            self.kind,
            feature_dim=feature_dim,
            dim=dim,
            hidden=dim if self.hidden is None else self.hidden,
            dropout=self.dropout,
        )


class EmbeddingConfig(Configuration):
    """The shared space: its width, and the projection head of columns that name none."""

    dim: int = Field(default=256, gt=0)
    head: HeadConfig = HeadConfig()
