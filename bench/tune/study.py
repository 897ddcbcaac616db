"""The command `tune`: a search over settings, resumable, whose winner is written as a recipe."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from bench.recipe.file import read_recipe
from bench.recipe.recipe import Recipe
from bench.reports.run_folder import prove_writable
from bench.reports.screen import Screen
from bench.steps.pipeline import taught_place
from bench.steps.teacher import find_teacher_weights
from bench.steps.training import CellFailed
from bench.steps.workplace import Workplace
from bench.tune.report import trials_text
from bench.tune.space import Range, own_values, read_range, shown, usual_space
from bench.tune.trial import run_trial, trial_recipe
from materials.errors import RequestError, unknown
from materials.files import cache_folder, digest, new_file
from materials.stages import StageStore

if TYPE_CHECKING:
    from optuna import Study, Trial

    from training.history import Epoch

JOURNAL, WINNER, TABLE = "study.journal", "winner.yaml", "trials.md"
OF, NAME, STUDY = "of", "recipe", "settings"
STARTUP_TRIALS, EPOCHS_BEFORE_PRUNING = 4, 1


class Pruned(Exception):
    """A trial that is worse than others were by this epoch."""


class CutOff(Exception):
    """The time was up within a trial, which the next call tries again."""


@dataclass(frozen=True, kw_only=True)
class TuneRequest:
    """Which student and objective of which recipe, what may be changed, and for how long; `space` as --space has it."""

    recipe: str
    overrides: tuple[str, ...]
    task: str | None
    student: str | None
    objective: str | None
    space: tuple[str, ...]
    trials: int
    time_limit: float | None
    latency: bool
    output: Path


def tune(request: TuneRequest, run_winner: Callable[[Path, Path], int]) -> int:
    """Search, print all trials, write the winner as a recipe, and run it: its test figures are seen only then.

    Trials that were done before in the same folder count. Raises RequestError for a study of another recipe, a student
    or objective that is not there, and settings that make no recipe.
    """
    optuna = _import_optuna()
    recipe, rate = _reduced(request)
    student, objective = recipe.students[-1], recipe.objectives[-1]
    is_number = recipe.task.name == "regression"
    space = tuple(map(read_range, request.space)) or usual_space(student, objective, rate=rate, is_number=is_number)
    plain = recipe.model_dump(mode="json", exclude_defaults=True)
    for values in ({part.key: part.end(last) for part in space} for last in (False, True)):
        trial_recipe(plain, values)
    prove_writable(request.output)
    screen = Screen()
    splits = _teach(recipe, screen)  # before the clock starts, once for all trials
    key = digest([plain, [vars(part) for part in space], request.latency, splits])
    study = _open_study(optuna, request, key, recipe)
    done = len(_finished(study))
    if not study.get_trials(deepcopy=False):
        own = own_values(space, recipe.model_dump(mode="json"), rate=rate)
        study.enqueue_trial(own, skip_if_exists=True)
    if done:
        screen.notice(f"{done} trials are done already in {request.output}")
    search = _Search(request=request, content=plain, space=space, study=study, screen=screen, began=time.monotonic())
    n_trials = max(0, request.trials - done)
    study.optimize(search.objective, n_trials=n_trials, timeout=request.time_limit, catch=(CutOff,))
    return _finish(request, study, recipe, run_winner)


@dataclass(frozen=True, kw_only=True)
class _Search:
    request: TuneRequest
    content: Mapping[str, Any]
    space: Sequence[Range]
    study: "Study"
    screen: Screen
    began: float

    def objective(self, trial: "Trial") -> float | tuple[float, float]:
        """The score of a trial, or score and latency; raises what Optuna takes as pruned."""
        from optuna import TrialPruned

        values = {part.key: part.suggest(trial) for part in self.space}
        trial.set_user_attr("values", values)
        self.screen.notice(f"trial {trial.number + 1} of {self.request.trials}: {shown(values)}")
        store = StageStore(root=cache_folder(), fresh=False, notice=self.screen.notice)
        work = Workplace(recipe=trial_recipe(self.content, values), store=store, screen=self.screen)

        def observe(epoch: "Epoch") -> None:
            if epoch.epoch and not self.request.latency:
                trial.report(epoch.validation[work.recipe.task.headline.name], epoch.epoch)
            if epoch.epoch and not self.request.latency and trial.should_prune():
                raise Pruned
            if epoch.epoch and self.request.time_limit is not None and self._seconds() > self.request.time_limit:
                raise CutOff

        try:
            score, milliseconds = run_trial(work, timed=self.request.latency, observe=observe)
        except CellFailed as failure:
            if isinstance(failure.__cause__, CutOff):
                self.study.enqueue_trial(trial.params)
                self.study.stop()
                raise CutOff from None
            if not isinstance(failure.__cause__, Pruned):
                self.screen.notice(f"trial {trial.number + 1}: {failure}")
                trial.set_user_attr("error", str(failure))
            raise TrialPruned from None
        return score if milliseconds is None else (score, milliseconds)

    def _seconds(self) -> float:
        return time.monotonic() - self.began


def _import_optuna() -> Any:
    try:
        import optuna
    except ImportError:
        raise RequestError('tune needs Optuna; install it with pip install "distilbench[tune]"') from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def _reduced(request: TuneRequest) -> tuple[Recipe, float]:
    """The recipe with the student and objective to search alone, and that student's learning rate.

    The student reads by its own tokens and vectors: a choice among readings would be one more search in each trial.
    """
    from students import STUDENTS

    recipe = read_recipe(request.recipe, request.overrides, task=request.task)
    students = {student.title: student for student in recipe.students}
    objectives = {objective.title: objective for objective in recipe.objectives if objective.needs_teacher}
    if not students or not objectives:
        raise RequestError(
            f"the recipe {recipe.name} has no student that learns from a teacher; there is nothing to tune"
        )
    for kind, name, known in (("student", request.student, students), ("objective", request.objective, objectives)):
        if name is not None and name not in known:
            raise RequestError(unknown(kind, name, known))
    student = students[request.student or next(iter(students))].candidates()[0]
    objective = objectives[request.objective or next(iter(objectives))]
    architecture = STUDENTS[student.architecture].student_class
    rate = architecture.learning_rate if student.learning_rate == "auto" else student.learning_rate
    changes = {"students": (student,), "objectives": (objective,), "sweep": None, "peers": (), "published": None}
    return recipe.model_copy(update=changes), rate


def _teach(recipe: Recipe, screen: Screen) -> str:
    """Train the teacher and let it label; the name of the splits, which tells other rows apart."""
    store = StageStore(root=cache_folder(), fresh=False, notice=screen.notice)
    work = Workplace(recipe=recipe, store=store, screen=screen)
    place, _ = taught_place(work, find_teacher_weights(work), recipe.seeds[0])
    return place.splits.name


def _open_study(optuna: Any, request: TuneRequest, key: str, recipe: Recipe) -> "Study":
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend
    from optuna.trial import TrialState

    request.output.mkdir(parents=True, exist_ok=True)
    storage = JournalStorage(JournalFileBackend(str(request.output / JOURNAL)))
    best = "maximize" if recipe.task.headline.higher_is_better else "minimize"
    pruner = optuna.pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS, n_warmup_steps=EPOCHS_BEFORE_PRUNING)
    study: Study = optuna.create_study(
        storage=storage,
        study_name=STUDY,
        directions=[best, "minimize"] if request.latency else [best],
        pruner=pruner,
        load_if_exists=True,
    )
    if study.user_attrs.get(OF, key) != key:
        raise RequestError(
            f"{request.output} holds a study of another recipe, student, objective or space; name another --output"
        )
    study.set_user_attr(OF, key)
    study.set_user_attr(NAME, recipe.name)
    # Seeded by what was tried, so that a search which goes on does not draw the same settings again.
    study.sampler = optuna.samplers.TPESampler(seed=recipe.seeds[0] + 1000 * len(study.get_trials(deepcopy=False)))
    for trial in study.get_trials(states=(TrialState.RUNNING,)):  # of a process that was killed
        study.tell(trial.number, state=TrialState.FAIL)
        study.enqueue_trial(trial.params)
    return study


def _finished(study: "Study") -> list[Any]:
    from optuna.trial import TrialState

    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))


def _finish(request: TuneRequest, study: "Study", recipe: Recipe, run_winner: Any) -> int:
    """Print and write the trials; write and run the winner. Raises RequestError where no trial came to its end."""
    if not any(trial.values for trial in _finished(study)):
        raise RequestError(f"no trial came to its end; give more trials or a longer time (see {request.output})")
    print(trials_text(study, "rich"))
    with new_file(request.output / TABLE) as temporary:
        temporary.write_text(trials_text(study, "markdown"), encoding="utf-8")
    best = best_trial(study)
    plain = recipe.model_dump(mode="json", exclude_defaults=True)
    winner = trial_recipe(plain, best.user_attrs["values"]).model_dump(mode="json", exclude_defaults=True)
    hard = [] if recipe.is_label_free else [{"name": "hard"}]  # the student alone, where there are labels
    winner |= {"objectives": [*hard, *winner["objectives"]]}
    with new_file(request.output / WINNER) as temporary:
        temporary.write_text(yaml.safe_dump(winner, sort_keys=False, allow_unicode=True), encoding="utf-8")
    Screen().notice(f"the winner is {request.output / WINNER}; now its test figures")
    return run_winner(request.output / WINNER, request.output / "winner")


def best_trial(study: "Study") -> Any:
    """The trial with the best headline on validation rows; of equally good ones, the fastest, then the first."""
    sign = 1 if study.directions[0].name == "MAXIMIZE" else -1

    def goodness(trial: Any) -> tuple[float, ...]:
        return sign * trial.values[0], *(-value for value in trial.values[1:]), -trial.number

    return max((trial for trial in _finished(study) if trial.values), key=goodness)
