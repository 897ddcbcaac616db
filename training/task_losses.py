"""The losses of each task: against labels, and against a teacher's outputs. To add a task is one entry."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from materials.tasks.multi_label import MultiLabel

TARGET_WEIGHT, OTHERS_WEIGHT = 1.0, 8.0  # alpha and beta of decoupled distillation: the defaults of its authors' code


@dataclass(frozen=True, kw_only=True)
class TaskLosses:
    """Losses of one task, each a scalar; outputs are (batch, outputs).

    `hard` takes outputs, targets and the scale of the targets, and is the mean over the rows that have a target, 0 when
    none has. `soft` takes outputs, the teacher's outputs, a temperature and the scale, as does `soft_unscaled`, whose
    gradients fall with the temperature. `pseudo_targets` are what the
    teacher's outputs decide, in the form of targets of the task given.
    """

    hard: Callable[[Tensor, Tensor, float], Tensor]
    soft: Callable[[Tensor, Tensor, float, float], Tensor]
    soft_unscaled: Callable[[Tensor, Tensor, float, float], Tensor]
    pseudo_targets: Callable[[Tensor, Any], Tensor]


def cross_entropy(outputs: Tensor, targets: Tensor, scale: float) -> Tensor:
    """Cross entropy with class numbers (batch,), -1 for none."""
    is_labelled = targets >= 0  # -1 is no class, so it counts as class 0 and its loss is multiplied by 0
    losses = F.cross_entropy(outputs, targets.clamp(min=0), reduction="none") * is_labelled
    return losses.sum() / is_labelled.sum().clamp(min=1)


def softened_divergence(outputs: Tensor, teacher: Tensor, temperature: float, scale: float) -> Tensor:
    """T^2 KL(softened teacher || softened student), the mean over the batch (Hinton et al. 2015, section 2)."""
    student_log, teacher_log = (F.log_softmax(logits / temperature, dim=1) for logits in (outputs, teacher))
    return F.kl_div(student_log, teacher_log, reduction="batchmean", log_target=True) * temperature**2


def softened_cross_entropy(outputs: Tensor, teacher: Tensor, temperature: float, scale: float) -> Tensor:
    """Cross entropy of the softened student with the softened teacher, the mean over the batch; no T^2 (AutoMM)."""
    return F.cross_entropy(outputs / temperature, F.softmax(teacher / temperature, dim=1))


def decoupled_divergence(outputs: Tensor, teacher: Tensor, classes: Tensor, temperature: float) -> Tensor:
    """T^2 (alpha TCKD + beta NCKD), the mean over the batch, with alpha 1 and beta 8 (Zhao et al. 2022, section 3).

    TCKD is the divergence of a row's class from all others taken together, NCKD that among the others alone; the plain
    divergence is TCKD + (1 - the teacher's probability of the class) NCKD. `classes` (batch,) are those of the rows.
    With two classes NCKD is 0. Its authors' code lets the loss grow over the first 20 epochs, which is left out here.
    """
    is_class = F.one_hot(classes, outputs.shape[1]).bool()
    divergences = []
    for logits_of_parts in (_class_against_others, _others):
        student_log, teacher_log = (
            F.log_softmax(logits_of_parts(logits / temperature, is_class), dim=1) for logits in (outputs, teacher)
        )
        divergences.append(F.kl_div(student_log, teacher_log, reduction="batchmean", log_target=True))
    return temperature**2 * (TARGET_WEIGHT * divergences[0] + OTHERS_WEIGHT * divergences[1])


def _others(logits: Tensor, is_class: Tensor) -> Tensor:
    """The logits of all classes but the row's own, (batch, classes - 1)."""
    return logits[~is_class].view(len(logits), -1)


def _class_against_others(logits: Tensor, is_class: Tensor) -> Tensor:
    """Logits of two classes: the row's own, and all others together, whose exponentials add up."""
    return torch.stack([logits[is_class], _others(logits, is_class).logsumexp(dim=1)], dim=1)


def lost_correlation(outputs: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """T^2 (inter + intra) of softened probabilities (Huang et al. 2022, section 3; T^2 as in their code).

    Inter is 1 less Pearson's correlation over a row's classes, the mean over the rows; intra 1 less that over the rows
    of a class, the mean over the classes, and 0 for a batch of one row. With two classes inter has no gradient.
    """
    student, of_teacher = (F.softmax(logits / temperature, dim=1) for logits in (outputs, teacher))
    inter = 1 - _correlation(student, of_teacher).mean()
    intra = 1 - _correlation(student.T, of_teacher.T).mean() if len(outputs) > 1 else 0.0
    return temperature**2 * (inter + intra)


def _correlation(first: Tensor, second: Tensor) -> Tensor:
    """Pearson's correlation of each row of the two, 0 where one of them is constant."""
    centred, other = (part - part.mean(dim=1, keepdim=True) for part in (first, second))
    return F.cosine_similarity(centred, other, dim=1)


def binary_cross_entropy(outputs: Tensor, targets: Tensor, scale: float) -> Tensor:
    """Binary cross entropy with 0 or 1 for each label (batch, labels), -1 in a row without labels; mean over labels."""
    is_labelled = (targets >= 0).all(dim=1)
    losses = F.binary_cross_entropy_with_logits(outputs, targets.clamp(min=0).to(outputs.dtype), reduction="none")
    return (losses.mean(dim=1) * is_labelled).sum() / is_labelled.sum().clamp(min=1)


def softened_binary_divergence(outputs: Tensor, teacher: Tensor, temperature: float, scale: float) -> Tensor:
    """T^2 KL of each label's softened probability, the mean over labels and batch.

    Each label is a choice of two classes with logits z and 0: the formula of one class a row, label by label.
    """
    two_class_logits = [
        torch.stack([logits, torch.zeros_like(logits)], dim=-1) / temperature for logits in (outputs, teacher)
    ]
    student_log, teacher_log = (F.log_softmax(logits, dim=-1) for logits in two_class_logits)
    return F.kl_div(student_log, teacher_log, reduction="none", log_target=True).sum(dim=-1).mean() * temperature**2


def softened_binary_cross_entropy(outputs: Tensor, teacher: Tensor, temperature: float, scale: float) -> Tensor:
    """Binary cross entropy with the teacher's softened probabilities, the mean over labels and batch; no T^2."""
    return F.binary_cross_entropy_with_logits(outputs / temperature, torch.sigmoid(teacher / temperature))


def squared_error(outputs: Tensor, targets: Tensor, scale: float) -> Tensor:
    """Squared error against numbers (batch,), not a number for none, in units of their standard deviation."""
    is_labelled = ~torch.isnan(targets)  # NaN times 0 is NaN, so missing targets become numbers first
    errors = ((outputs[:, 0] - targets.nan_to_num().to(outputs.dtype)) / scale) ** 2 * is_labelled
    return errors.sum() / is_labelled.sum().clamp(min=1)


def squared_error_to_teacher(outputs: Tensor, teacher: Tensor, temperature: float, scale: float) -> Tensor:
    """Squared error against the teacher's numbers, in units of the targets' standard deviation; no temperature."""
    return F.mse_loss(outputs / scale, teacher / scale)


def softened_squared_error(outputs: Tensor, teacher: Tensor, temperature: float, scale: float) -> Tensor:
    """Squared error against the teacher's numbers, both over the temperature (AutoMM)."""
    return squared_error_to_teacher(outputs, teacher, temperature, scale) / temperature**2


def labels_above_thresholds(teacher: Tensor, task: MultiLabel) -> Tensor:
    """1 for each label whose probability reaches the task's threshold, as `MultiLabel.decide`."""
    # A threshold in place of the logistic function: one number a label against one for each row and label.
    thresholds = torch.tensor(task.thresholds, dtype=teacher.dtype, device=teacher.device)
    return (teacher >= torch.logit(thresholds)).to(torch.int64)


TASK_LOSSES: dict[str, TaskLosses] = {
    "single-label": TaskLosses(
        hard=cross_entropy,
        soft=softened_divergence,
        soft_unscaled=softened_cross_entropy,
        pseudo_targets=lambda teacher, task: teacher.argmax(dim=1),
    ),
    "multi-label": TaskLosses(
        hard=binary_cross_entropy,
        soft=softened_binary_divergence,
        soft_unscaled=softened_binary_cross_entropy,
        pseudo_targets=labels_above_thresholds,
    ),
    "regression": TaskLosses(
        hard=squared_error,
        soft=squared_error_to_teacher,
        soft_unscaled=softened_squared_error,
        pseudo_targets=lambda teacher, task: teacher[:, 0],
    ),
}
