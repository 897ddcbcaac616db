"""What a model is trained for: a sum of weighted terms. To add a kind of term is one function and one line."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from materials.errors import unknown
from materials.tasks.task import Task
from training.outputs import MASK, Outputs
from training.task_losses import TASK_LOSSES, decoupled_divergence, lost_correlation

HIDDEN, RELATIONS, ATTENTION = "hidden-", "relations", "attention-"
MOST_RELATION_HEADS = 12
DISTANCES_WEIGHT, ANGLES_WEIGHT = 1.0, 2.0  # of relational distillation (Park et al. 2019, section 4)
SMALLEST_SQUARE = 1e-12  # two rows nearer than its root coincide: their distance has no gradient


@dataclass(frozen=True, kw_only=True)
class Term:
    """One part of a loss: its kind, a name in TERMS, its weight, and the temperature of a soft one.

    Raises ValueError for an unknown kind, and for a temperature that is not positive.
    """

    kind: str
    weight: float = 1.0
    temperature: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what no loss could be computed from."""
        if self.kind not in TERMS:
            raise ValueError(unknown("term", self.kind, TERMS))
        if self.temperature <= 0:
            raise ValueError(f"temperature must be positive, got {self.temperature}")


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What a term may look at: outputs of student and teacher, targets, and the task whose losses count.

    `scale` is the standard deviation of a regression's train targets, 1 for other tasks. `teacher` is none where no
    term asks for it.
    """

    student: Outputs
    teacher: Outputs | None
    targets: Tensor
    task: Task
    scale: float = 1.0

    @property
    def teacher_logits(self) -> Tensor:
        """The teacher's logits. Raises ValueError where there are none, or none of the student's shape."""
        if self.teacher is None:
            raise ValueError("this term needs the teacher's outputs")
        teacher_logits: Tensor = self.teacher.logits
        if teacher_logits.shape != self.student.logits.shape:
            raise ValueError(
                f"teacher logits {teacher_logits.shape} and student logits {self.student.logits.shape} differ in shape"
            )
        return teacher_logits

    def features(self, name: str) -> tuple[Tensor, Tensor]:
        """The features of student and teacher, of one shape. Raises ValueError where there are none of one shape."""
        student, teacher = (features.get(name) for features in (self.student.features, self.teacher_features))
        if student is None or teacher is None:
            raise ValueError(f"the features '{name}' of student or teacher are not there")
        if student.shape != teacher.shape:
            raise ValueError(f"features of student {student.shape} and teacher {teacher.shape} differ in shape")
        return student, teacher

    @property
    def mask(self) -> Tensor:
        """Which places of features of tokens hold one, bool (batch, length). Raises ValueError where none are there."""
        if MASK not in self.teacher_features:
            raise ValueError("there are no features of tokens")
        mask: Tensor = self.teacher_features[MASK]
        return mask

    @property
    def teacher_features(self) -> Mapping[str, Tensor]:
        """The teacher's features by name. Raises ValueError without a teacher."""
        if self.teacher is None:
            raise ValueError("this term needs the teacher's outputs")
        return self.teacher.features


def hard(batch: Batch, term: Term) -> Tensor:
    """The task's own loss against the labels: cross entropy, binary cross entropy, or squared error."""
    return TASK_LOSSES[batch.task.name].hard(batch.student.logits, batch.targets, batch.scale)


def soft(batch: Batch, term: Term) -> Tensor:
    """T^2 KL(softened teacher || softened student) (Hinton et al. 2015, section 2); squared error for a number."""
    losses = TASK_LOSSES[batch.task.name]
    return losses.soft(batch.student.logits, batch.teacher_logits, term.temperature, batch.scale)


def soft_unscaled(batch: Batch, term: Term) -> Tensor:
    """Cross entropy with the softened teacher, without T^2 (AutoMM); squared error over T^2 for a number."""
    losses = TASK_LOSSES[batch.task.name]
    return losses.soft_unscaled(batch.student.logits, batch.teacher_logits, term.temperature, batch.scale)


def logits(batch: Batch, term: Term) -> Tensor:
    """Mean squared error between the logits of student and teacher (Tang et al. 2019, section 3.2)."""
    return F.mse_loss(batch.student.logits / batch.scale, batch.teacher_logits / batch.scale)


def pseudo_hard(batch: Batch, term: Term) -> Tensor:
    """The task's loss against what the teacher decides: the control that tells soft outputs from more rows."""
    losses = TASK_LOSSES[batch.task.name]
    return losses.hard(batch.student.logits, losses.pseudo_targets(batch.teacher_logits, batch.task), batch.scale)


def dkd(batch: Batch, term: Term) -> Tensor:
    """Decoupled distillation (Zhao et al. 2022), where the teacher's decision stands for a label that is not there.

    See `decoupled_divergence`. Raises ValueError for a task whose rows are of no class.
    """
    _refuse_without_classes(batch, term)
    classes = torch.where(batch.targets >= 0, batch.targets, batch.teacher_logits.argmax(dim=1))
    return decoupled_divergence(batch.student.logits, batch.teacher_logits, classes, term.temperature)


def dist(batch: Batch, term: Term) -> Tensor:
    """What correlations with the teacher lack, over classes and over rows (Huang et al. 2022): `lost_correlation`.

    Raises ValueError for a task whose rows are of no class.
    """
    _refuse_without_classes(batch, term)
    return lost_correlation(batch.student.logits, batch.teacher_logits, term.temperature)


def _refuse_without_classes(batch: Batch, term: Term) -> None:
    if batch.task.name != "single-label":
        raise ValueError(f"the term '{term.kind}' compares the classes of a row; the task is {batch.task.name}")


def relational(batch: Batch, term: Term) -> Tensor:
    """Huber losses of distances between rows and, twice as heavy, of angles (Park et al. 2019, sections 3.2.1, 3.2.2).

    A distance is one of two rows' logits over the mean of the batch's; an angle, its cosine, is that at one row between
    two others. The mean over all pairs and over all triplets of different rows. 0 where there is no pair or no triplet;
    rows that coincide make no angle.
    """
    logits_of_both = (batch.student.logits, batch.teacher_logits)
    rows = len(batch.targets)
    if rows < 2:
        return batch.student.logits.sum() * 0
    is_other = ~torch.eye(rows, dtype=torch.bool, device=batch.targets.device)
    student, teacher = (_distances_and_directions(logits) for logits in logits_of_both)
    student_distances, teacher_distances = (distances[is_other] for distances, _ in (student, teacher))
    distance_loss = F.smooth_l1_loss(
        student_distances / student_distances.mean(), teacher_distances / teacher_distances.mean()
    )
    if rows < 3:
        return DISTANCES_WEIGHT * distance_loss
    student_cosines, teacher_cosines = (directions @ directions.transpose(1, 2) for _, directions in (student, teacher))
    is_triplet = is_other[:, :, None] & is_other[:, None, :] & is_other[None, :, :]
    angle_loss = F.smooth_l1_loss(student_cosines[is_triplet], teacher_cosines[is_triplet])
    return DISTANCES_WEIGHT * distance_loss + ANGLES_WEIGHT * angle_loss


def _distances_and_directions(logits: Tensor) -> tuple[Tensor, Tensor]:
    """The distance of each row to each other one (rows, rows), and its direction, of length 1 (rows, rows, outputs)."""
    steps = logits[None, :, :] - logits[:, None, :]
    squares = (steps**2).sum(dim=2)
    # The root has no gradient at 0, and a direction none either: both are kept out of it by the bound.
    distances = squares.clamp(min=SMALLEST_SQUARE).sqrt()
    return distances, steps * (squares > SMALLEST_SQUARE)[:, :, None] / distances[:, :, None]


def pooled(batch: Batch, term: Term) -> Tensor:
    """Mean squared error between the pooled features of student and teacher."""
    return F.mse_loss(*batch.features("pooled"))


def pooled_cosine(batch: Batch, term: Term) -> Tensor:
    """1 less the cosine between the pooled features of student and teacher, the mean over the batch."""
    return 1 - F.cosine_similarity(*batch.features("pooled"), dim=1).mean()


def hidden(batch: Batch, term: Term) -> Tensor:
    """Mean squared error of tokens' states, the mean over the layers of the student (Jiao et al. 2020, section 3.1)."""
    names = [name for name in batch.teacher_features if name.startswith(HIDDEN)]
    if not names:
        raise ValueError("there are no states of layers")
    weights = batch.mask.unsqueeze(2).float()
    losses = []
    for name in names:
        student, teacher = batch.features(name)
        losses.append((((student - teacher) ** 2) * weights).sum() / (weights.sum() * student.shape[2]))
    return torch.stack(losses).mean()


def attention(batch: Batch, term: Term) -> Tensor:
    """Squared distance of attention maps of length 1, the mean over rows and stages.

    Zagoruyko and Komodakis 2017, equation 2 with p = 2, squared.
    """
    names = [name for name in batch.teacher_features if name.startswith(ATTENTION)]
    if not names:
        raise ValueError("there are no attention maps")
    pairs = [batch.features(name) for name in names]
    return torch.stack([((student - teacher) ** 2).sum(dim=1).mean() for student, teacher in pairs]).mean()


def relations(batch: Batch, term: Term) -> Tensor:
    """KL of the relations among queries, among keys and among values of the last layers (Wang et al. 2021, section 3).

    A relation is the softmax over all tokens of scaled products, in as many heads as both widths can be cut into, at
    most twelve; the mean over the three, heads and tokens. Widths of student and teacher may differ.
    """
    own, others = (features.get(RELATIONS) for features in (batch.student.features, batch.teacher_features))
    if own is None or others is None:
        raise ValueError(f"the features '{RELATIONS}' of student or teacher are not there")
    widths = own.shape[2] // 3, others.shape[2] // 3
    counts = range(1, MOST_RELATION_HEADS + 1)
    heads = max(count for count in counts if all(width % count == 0 for width in widths))
    student_log, teacher_log = (_relations(states, heads, batch.mask) for states in (own, others))
    divergence = (teacher_log.exp() * (teacher_log - student_log)).masked_fill(~batch.mask[:, None, None, None, :], 0)
    per_token = divergence.sum(dim=4) * batch.mask[:, None, None, :]
    return per_token.sum() / (3 * heads * batch.mask.sum())


def _relations(states: Tensor, heads: int, mask: Tensor) -> Tensor:
    """Log relations (batch, 3, heads, length, length) from queries, keys and values (batch, length, 3 * width)."""
    batch, length, width = states.shape
    parts = states.view(batch, length, 3, heads, width // (3 * heads)).permute(0, 2, 3, 1, 4)
    products = parts @ parts.transpose(3, 4) / parts.shape[4] ** 0.5
    # A large negative number and not minus infinity, whose difference to itself is no number.
    return F.log_softmax(products.masked_fill(~mask[:, None, None, None, :], -1e4), dim=4)


TERMS: dict[str, Callable[[Batch, Term], Tensor]] = {
    "hard": hard,
    "soft": soft,
    "logits": logits,
    "pseudo-hard": pseudo_hard,
    "soft-unscaled": soft_unscaled,
    "dkd": dkd,
    "dist": dist,
    "relational": relational,
    "pooled": pooled,
    "pooled-cosine": pooled_cosine,
    "hidden": hidden,
    "relations": relations,
    "attention": attention,
}


def total_loss(terms: Sequence[Term], batch: Batch) -> Tensor:
    """The weighted sum of the terms, a scalar. Raises ValueError as the terms do, and for no term."""
    if not terms:
        raise ValueError("a loss needs a term")
    losses = [TERMS[term.kind](batch, term) for term in terms]
    total = losses[0] if terms[0].weight == 1 else terms[0].weight * losses[0]
    for term, loss in zip(terms[1:], losses[1:], strict=True):
        total = total + term.weight * loss
    return total
