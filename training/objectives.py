"""What a model is trained for: its labels, its teacher's outputs, or both. To add one is one function and one line."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

Objective = Callable[..., Tensor]


def hard_loss(
    student_logits: Tensor, teacher_logits: Tensor | None, labels: Tensor, *, temperature: float, alpha: float
) -> Tensor:
    """Cross entropy with the labels, the mean over the rows that have one (label -1: none); 0 when no row has.

    `student_logits` is (batch, classes), `labels` (batch,). Teacher, temperature and alpha are not used.
    """
    labelled = labels >= 0
    total = F.cross_entropy(student_logits, labels.clamp(min=0), reduction="none") * labelled
    return total.sum() / labelled.sum().clamp(min=1)


def soft_loss(
    student_logits: Tensor, teacher_logits: Tensor | None, labels: Tensor, *, temperature: float, alpha: float
) -> Tensor:
    """T^2 (1 - alpha) KL(softened teacher || softened student) + alpha hard loss (Hinton et al. 2015, section 2).

    Logits are (batch, classes). Returns the mean over the batch. Raises ValueError without teacher logits or for a
    temperature that is not positive.
    """
    teacher_logits = _teacher(teacher_logits, student_logits)
    if temperature <= 0:
        raise ValueError(f"temperature must be positive, got {temperature}")
    student = F.log_softmax(student_logits / temperature, dim=1)
    teacher = F.log_softmax(teacher_logits / temperature, dim=1)
    soft = F.kl_div(student, teacher, reduction="batchmean", log_target=True) * temperature**2
    if alpha == 0:
        return soft
    return (1 - alpha) * soft + alpha * hard_loss(student_logits, None, labels, temperature=temperature, alpha=alpha)


def logits_loss(
    student_logits: Tensor, teacher_logits: Tensor | None, labels: Tensor, *, temperature: float, alpha: float
) -> Tensor:
    """(1 - alpha) mean squared error between the logits + alpha hard loss (Tang et al. 2019, section 3.2).

    Logits are (batch, classes); the error is the mean over rows and classes. Raises ValueError without teacher logits.
    """
    error = F.mse_loss(student_logits, _teacher(teacher_logits, student_logits))
    if alpha == 0:
        return error
    return (1 - alpha) * error + alpha * hard_loss(student_logits, None, labels, temperature=temperature, alpha=alpha)


def pseudo_hard_loss(
    student_logits: Tensor, teacher_logits: Tensor | None, labels: Tensor, *, temperature: float, alpha: float
) -> Tensor:
    """Cross entropy with the class that the teacher puts first: the control that tells soft outputs from more rows."""
    return F.cross_entropy(student_logits, _teacher(teacher_logits, student_logits).argmax(dim=1))


OBJECTIVES: dict[str, Objective] = {
    "hard": hard_loss,
    "soft": soft_loss,
    "logits": logits_loss,
    "pseudo-hard": pseudo_hard_loss,
}


def _teacher(teacher_logits: Tensor | None, student_logits: Tensor) -> Tensor:
    if teacher_logits is None:
        raise ValueError("this objective needs the teacher's logits")
    if teacher_logits.shape != student_logits.shape:
        raise ValueError(
            f"teacher logits {teacher_logits.shape} and student logits {student_logits.shape} differ in shape"
        )
    return teacher_logits
