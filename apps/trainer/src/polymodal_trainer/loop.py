"""The training loop: epochs of steps, validations between them, checkpoints on the way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from polymodal_core.batch import Batch
from polymodal_core.errors import CheckpointError, PolymodalError, RunError
from polymodal_core.run import RunFolder
from polymodal_datasets.difficulty import EpochOrder

from polymodal_trainer.batches import training_batches
from polymodal_trainer.checkpointing import Checkpoints
from polymodal_trainer.coverage import pair_name
from polymodal_trainer.hardness import Hardness
from polymodal_trainer.interruption import Interrupted, Interruption
from polymodal_trainer.metrics_log import MetricsLog
from polymodal_trainer.nonfinite import NonFiniteError
from polymodal_trainer.optimiser import set_learning_rates
from polymodal_trainer.progress import Display
from polymodal_trainer.stages import enter_stage
from polymodal_trainer.start import Setup
from polymodal_trainer.state import Best, EpochTally, TrainingState
from polymodal_trainer.step import StepResult, train_step
from polymodal_trainer.validation import measure_of, num_validation_items, validate

T = TypeVar("T")


class Trainer:
    """Takes a run from where its state stands to its end, or to an interruption."""

    def __init__(
        self,
        setup: Setup,
        run: RunFolder,
        state: TrainingState,
        *,
        checkpoints: Checkpoints,
        log: MetricsLog,
        display: Display,
        interruption: Interruption,
        hardness: Hardness | None = None,
    ) -> None:
        """Take hold of the parts; see `train`. Without `hardness`, batches are drawn evenly."""
        self.setup = setup
        self.run = run
        self.state = state
        self._checkpoints = checkpoints
        self._log = log
        self._display = display
        self._interruption = interruption
        self._hardness = hardness
        self._order: EpochOrder | None = None
        self._saved_at = _position(state)
        self._rows = 0
        self._since = time.perf_counter()
        self._rates: dict[str, float] = {}

    def train(self) -> bool:
        """Train to the end; False where a signal asked to stop, a checkpoint written either way.

        Raises RunError that names the step and the last good checkpoint where numbers are no
        longer finite, the disk is full, a value is damaged, or an epoch had nothing to learn from.
        """
        state = self.state
        self._display.begin(self.setup.total_steps, state.step)
        try:
            if state.step == 0 and state.batch == 0:
                self._log.write(self._validation_record(state.untrained, epoch=0))
            while state.finished is None:
                if state.ended is None:
                    self._steps_of_epoch()
                    self._finish_epoch()
                else:
                    self._begin_next_stage()
        except Interrupted:
            self._save()
            return False
        except NonFiniteError as error:
            hint = "; a lower learning rate, training.clip or float32 may help"
            raise self._stopped(error, f"in step {state.step + 1}", hint) from None
        except (OSError, CheckpointError) as error:
            hint = f"; make room, then continue with `polymodal-train run {self.run.path} --resume`"
            raise self._stopped(error, f"after step {state.step}", hint) from error
        except PolymodalError as error:
            raise self._stopped(error, f"after step {state.step}") from error
        return True

    def _stopped(self, error: Exception, when: str, hint: str = "") -> RunError:
        return RunError(
            f"stopped {when} (epoch {self.state.epoch + 1}): {error}. Last good checkpoint: "
            f"{self._checkpoints.latest}{hint}"
        )

    def _steps_of_epoch(self) -> None:
        state = self.state
        self._rows, self._since = 0, time.perf_counter()
        while True:
            order = self._order = self._difficult_order()
            rows = None if order is None else order.rows
            batches = training_batches(self.setup, epoch=state.epoch, start=state.batch, order=rows)
            self._steps_until(self._drawn_batches(), iter(batches))
            if state.batch == self.setup.steps_per_epoch:
                return

    def _drawn_batches(self) -> int:
        # Where neighbours are found anew within an epoch, its order reaches no further than that.
        if self._order is None:
            return self.setup.steps_per_epoch
        return len(self._order.rows) // self.setup.data.batch_size

    def _steps_until(self, stop: int, batches: Iterator[Batch]) -> None:
        state, setup = self.state, self.setup
        config, every = setup.training, setup.training.checkpoint_every
        while state.batch < stop:
            self._interruption.raise_if_requested()
            batch = self._next(batches)
            self._rates = set_learning_rates(
                setup.optimizer, state.step - state.stage_step, setup.stage_steps, setup.training
            )
            number = state.step + 1
            logged = number % config.log_every == 0
            measure = logged and number % config.pair_gradients_every == 0
            result = train_step(setup, batch, state.step, measure=measure)
            state.step += 1
            state.batch += 1
            state.tally.add(result.loss, result.anchors)
            self._rows += batch.size
            if logged:
                self._log_step(result)
            due = isinstance(every, int) and state.step % every == 0
            if due and state.batch < setup.steps_per_epoch:
                self._save()

    def _difficult_order(self) -> EpochOrder | None:
        if self._hardness is None:
            return None
        if self._hardness.stale(self.state):
            began = time.perf_counter()
            total = self._hardness.num_steps()
            self._watched("finding neighbours", total, self._hardness.refresh)
            self._since += time.perf_counter() - began  # rows per second are those of training
        return self._hardness.order(self.state)

    def _next(self, batches: Iterator[Batch]) -> Batch:
        try:
            return next(batches)
        except StopIteration:
            raise RunError(
                f"the epoch ended after {self.state.batch} batches; "
                f"{self.setup.steps_per_epoch} were announced"
            ) from None
        except Exception:
            # Ctrl-C reaches loader processes too, and their death is no news then.
            self._interruption.raise_if_requested()
            raise

    def _log_step(self, result: StepResult) -> None:
        state = self.state
        now = time.perf_counter()
        speed = self._rows / max(now - self._since, 1e-9)
        self._rows, self._since = 0, now
        temperature = getattr(self.setup.objective, "temperature", None)
        record: dict[str, Any] = {
            "event": "step",
            **self._stage_named(),
            "step": state.step,
            "epoch": state.epoch + 1,
            "loss": result.loss,
            "parts": {pair: float(part) for pair, part in result.parts.items()},
            "anchors": result.anchors,
            "grad_norm": result.gradient_norm,
            "rows_per_s": round(speed, 1),
        }
        if isinstance(temperature, float):
            record["temperature"] = temperature
        if result.skipped:
            record["skipped"] = True
        if result.auxiliary:
            record["auxiliary"] = {name: float(loss) for name, loss in result.auxiliary.items()}
        if result.terms:
            record["terms"] = {name: float(term) for name, term in result.terms.items()}
        if result.pair_gradients:
            record["pair_gradients"] = result.pair_gradients
        record |= {f"lr_{part}": rate for part, rate in self._rates.items() if part != "objective"}
        self._log.write(record)
        numbers = f"loss {result.loss:.3f}"
        if isinstance(temperature, float):
            numbers += f"  temperature {temperature:.4f}"
        numbers += f"  {speed:.0f} rows/s"
        if state.best is not None:
            numbers += f"  best {100 * state.best.mean:.1f} %"
        self._display.step(self._epoch_named(), numbers, state.step)

    def _epoch_named(self) -> str:
        stage = self.setup.stage
        name = f"epoch {self.state.epoch_in_stage + 1}/{stage.training.epochs}"
        return f"{stage.name}: {name}" if stage.name else name

    def _stage_named(self) -> dict[str, str]:
        return {"stage": self.setup.stage.name} if self.setup.stage.name else {}

    def _begin_next_stage(self) -> None:
        # Whatever of this a kill undoes is done again: the checkpoint before has `ended` set.
        state, setup = self.state, self.setup
        name = setup.stage.name
        self._checkpoints.carry_over(state, name)
        state.begin_next_stage(name)
        enter_stage(setup, state.stage)
        self._display.line(
            f"stage {name} is over: {state.earlier[-1].ended}; "
            f"stage {setup.stage.name} begins with its best weights"
        )
        self._save()

    def _finish_epoch(self) -> None:
        state, config = self.state, self.setup.training
        number, in_stage = state.epoch + 1, state.epoch_in_stage + 1
        tally = state.tally
        self._check_anchors(tally, number)
        metrics: dict[str, float] = {}
        improved = False
        if in_stage % config.validate_every == 0 or in_stage == config.epochs:
            metrics = self._validate()
            improved = self._judge(metrics["mean"], number)
        record: dict[str, Any] = {
            "event": "epoch",
            **self._stage_named(),
            "step": state.step,
            "epoch": number,
            "loss": tally.mean_loss,
            "anchors": tally.anchors,
            "without_anchors": tally.without_anchors,
        }
        if self._order is not None:
            record["hard"] = self._hard_record(self._order)
        self._log.write(record)
        if metrics:
            self._log.write(self._validation_record(metrics, epoch=number))
        self._tell(tally, metrics, improved=improved)
        state.epoch, state.batch, state.tally = number, 0, EpochTally()
        ended = None
        if in_stage == config.epochs:
            ended = f"all {config.epochs} epochs are done"
        elif 0 < config.patience <= state.stale:
            ended = f"no better validation in {state.stale} epochs"
        if state.stage == len(self.setup.stages) - 1:
            state.finished = ended
        else:
            state.ended = ended
        every = config.checkpoint_every
        due = every == "epoch" or (isinstance(every, int) and state.step % every == 0)
        if due or improved or ended is not None:
            self._save()

    def _hard_record(self, order: EpochOrder) -> dict[str, float]:
        drawn = {"share": order.hard / (self.setup.steps_per_epoch * self.setup.data.batch_size)}
        cosine = order.mean_cosine
        return drawn if cosine is None else {**drawn, "cosine": cosine}

    def _check_anchors(self, tally: EpochTally, number: int) -> None:
        empty = [name for name in tally.without_anchors if name not in self._idle_terms()]
        if not any(tally.anchors.values()):
            raise RunError(
                f"not one row of the epoch's {tally.steps} batches had both columns of any pair "
                f"({', '.join(empty)}): there was nothing to learn from; lower "
                f"data.modality_dropout, or pack rows that hold several columns"
            )
        if empty and self.state.epoch_in_stage == 0:
            self._display.warn(
                f"epoch {number}: no row had both columns of {', '.join(empty)}: "
                f"nothing was learned about {'it' if len(empty) == 1 else 'them'}"
            )

    def _idle_terms(self) -> set[str]:
        # Terms of the objective whose columns the stage does not see: nothing is wrong with them.
        setup = self.setup
        terms = setup.recipe.sections["objective"].terms(setup.model.columns)
        return {pair_name(term) for term in terms if not setup.stage.learns(term)}

    def _validate(self) -> dict[str, float]:
        total = num_validation_items(self.setup)
        return self._watched(
            "validating", total, lambda advance: validate(self.setup, advance=advance)
        )

    def _watched(self, name: str, total: int, task: Callable[[Callable[[int], None]], T]) -> T:
        # A side task under a bar, which a signal may stop.
        with self._display.task(name, total) as advance:

            def advance_or_stop(count: int) -> None:
                self._interruption.raise_if_requested()
                advance(count)

            try:
                return task(advance_or_stop)
            except Exception:
                self._interruption.raise_if_requested()
                raise

    def _judge(self, mean: float, number: int) -> bool:
        state = self.state
        if state.best is None or mean > state.best.mean:
            state.best = Best(mean, number, state.step)
            state.stale = 0
            return True
        state.stale += 1
        return False

    def _tell(self, tally: EpochTally, metrics: dict[str, float], *, improved: bool) -> None:
        text = f"{self._epoch_named()}  step {self.state.step}  loss {tally.mean_loss:.3f}"
        if self._order is not None:
            drawn = self._hard_record(self._order)
            text += f"  hard {100 * drawn['share']:.0f} %"
            text += f" (cosine {drawn['cosine']:.2f})" if "cosine" in drawn else ""
        if metrics:
            text += f"  validation {measure_of(self.setup)} {100 * metrics['mean']:.1f} %"
            best = self.state.best
            if improved:
                text += " (best)"
            elif best is not None:
                epoch = best.epoch - self.state.stage_epoch
                text += f" (best {100 * best.mean:.1f} %, epoch {epoch})"
        self._display.line(text)

    def _validation_record(self, metrics: dict[str, float], *, epoch: int) -> dict[str, Any]:
        return {
            "event": "validation",
            **self._stage_named(),
            "step": self.state.step,
            "epoch": epoch,
            "mean": metrics["mean"],
            "metrics": {name: value for name, value in metrics.items() if name != "mean"},
        }

    def _save(self) -> None:
        if _position(self.state) != self._saved_at:
            self._checkpoints.save(self.state, metrics_size=self._log.size())
            self._saved_at = _position(self.state)


def _position(state: TrainingState) -> tuple[int, int, int, int]:
    return state.step, state.epoch, state.batch, state.stage
