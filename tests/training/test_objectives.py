import math

import numpy as np
import pytest
import torch

from materials.tasks import task_of
from training.objectives import TERMS, Batch, Term, total_loss
from training.outputs import Outputs

STUDENT = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
TEACHER = torch.tensor([[1.0, 0.0], [0.0, 3.0]])
LABELS = torch.tensor([0, 0])
TASK = task_of("single-label")


def loss(name, student=STUDENT, teacher=TEACHER, labels=LABELS, temperature=1.0, alpha=0.0):
    terms = [
        Term(kind=name, weight=1 - alpha, temperature=temperature),
        *([Term(kind="hard", weight=alpha)] * (alpha > 0)),
    ]
    outputs = None if teacher is None else with_features(teacher)
    return total_loss(terms, Batch(student=with_features(student), teacher=outputs, targets=labels, task=TASK))


def with_features(logits):
    """Outputs whose features are made of the logits: pooled ones as they are, and those of three tokens."""
    tokens = torch.stack([logits, 2 * logits, logits.flip(1)], dim=1)
    relations = torch.cat([tokens, tokens.flip(1), tokens**2], dim=2)
    mask = torch.ones(tokens.shape[:2], dtype=torch.bool)
    features = {"pooled": logits, "hidden-1": tokens, "relations": relations, "mask": mask, "attention-1": logits}
    return Outputs(logits=logits, features=features)


def sigmoid(value):
    return 1 / (1 + math.exp(-value))


def binary_kl(p, q):
    return p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))


def test_hard_is_cross_entropy_by_hand():
    expected = (-math.log(sigmoid(2)) - math.log(sigmoid(-1))) / 2
    assert loss("hard").item() == pytest.approx(expected, rel=1e-5)


def test_hard_leaves_rows_without_a_label_out():
    assert loss("hard", labels=torch.tensor([0, -1])).item() == pytest.approx(-math.log(sigmoid(2)), rel=1e-5)
    assert loss("hard", labels=torch.tensor([-1, -1])).item() == 0


def test_soft_is_the_divergence_times_temperature_squared_by_hand():
    expected = 4 * (binary_kl(sigmoid(0.5), sigmoid(1)) + binary_kl(sigmoid(-1.5), sigmoid(-0.5))) / 2
    assert loss("soft", temperature=2.0).item() == pytest.approx(expected, rel=1e-5)


def test_soft_mixes_in_the_hard_loss_by_alpha():
    mixed = 0.7 * loss("soft", temperature=2.0) + 0.3 * loss("hard")
    assert loss("soft", temperature=2.0, alpha=0.3).item() == pytest.approx(mixed.item(), rel=1e-5)


def test_logits_is_the_mean_squared_error_by_hand():
    assert loss("logits").item() == pytest.approx((1 + 0 + 0 + 4) / 4)


def test_pseudo_hard_is_cross_entropy_with_the_teachers_first_class():
    expected = (-math.log(sigmoid(2)) - math.log(sigmoid(1))) / 2
    assert loss("pseudo-hard").item() == pytest.approx(expected, rel=1e-5)


def test_soft_unscaled_is_the_cross_entropy_with_the_softened_teacher_by_hand():
    softened = [(sigmoid(0.5), sigmoid(1)), (sigmoid(-1.5), sigmoid(-0.5))]  # of the first class, T = 2
    expected = -sum(p * math.log(q) + (1 - p) * math.log(1 - q) for p, q in softened) / 2
    assert loss("soft-unscaled", temperature=2.0).item() == pytest.approx(expected, rel=1e-5)


def test_soft_unscaled_moves_the_student_as_soft_does_but_for_the_temperature_squared():
    gradients = []
    for name in ("soft", "soft-unscaled"):
        student = STUDENT.clone().requires_grad_()
        loss(name, student=student, temperature=3.0).backward()
        gradients.append(student.grad)
    assert gradients[0] == pytest.approx(9 * gradients[1], rel=1e-4)


THREE = torch.tensor([[2.0, 0.0, 1.0], [0.0, 1.0, 3.0], [1.0, 1.5, 0.0], [-1.0, 0.5, 2.0]])
TEACHER_OF_THREE = torch.tensor([[3.0, 0.0, -1.0], [0.0, 2.0, 1.0], [0.5, 0.0, 2.0], [0.0, 1.0, 1.5]])
CLASSES = torch.tensor([0, 1, 2, -1])  # the last has none


def test_dkd_weighs_the_class_and_the_others_apart_by_hand():
    def parts(student, teacher, label):
        p, q = (np.exp(np.array(row) / 2) / np.exp(np.array(row) / 2).sum() for row in (teacher, student))
        others_p, others_q = (np.delete(part, label) / (1 - part[label]) for part in (p, q))
        return binary_kl(p[label], q[label]), (others_p * np.log(others_p / others_q)).sum(), p[label]

    rows = [parts(*row) for row in zip(THREE.tolist(), TEACHER_OF_THREE.tolist(), [0, 1, 2, 2], strict=True)]
    expected = 4 * np.mean([target + 8 * others for target, others, _ in rows])
    assert loss("dkd", THREE, TEACHER_OF_THREE, CLASSES, 2.0).item() == pytest.approx(expected, rel=1e-5)
    # The plain divergence is made of the same two parts, the others weighing as much as the teacher believes in them.
    plain = 4 * np.mean([target + (1 - share) * others for target, others, share in rows])
    assert loss("soft", THREE, TEACHER_OF_THREE, CLASSES, 2.0).item() == pytest.approx(plain, rel=1e-5)


def test_dist_is_what_correlations_lack_by_hand():
    p, q = (np.exp(rows.numpy() / 2) for rows in (TEACHER_OF_THREE, THREE))
    p, q = p / p.sum(axis=1, keepdims=True), q / q.sum(axis=1, keepdims=True)
    inter = 1 - np.mean([np.corrcoef(*rows)[0, 1] for rows in zip(p, q, strict=True)])
    intra = 1 - np.mean([np.corrcoef(*columns)[0, 1] for columns in zip(p.T, q.T, strict=True)])
    assert loss("dist", THREE, TEACHER_OF_THREE, CLASSES, 2.0).item() == pytest.approx(4 * (inter + intra), rel=1e-4)
    first = 1 - np.corrcoef(p[0], q[0])[0, 1]  # a single row has no correlation over rows
    assert loss("dist", THREE[:1], TEACHER_OF_THREE[:1], CLASSES[:1], 2.0).item() == pytest.approx(4 * first, rel=1e-4)


def huber(error):
    return error**2 / 2 if abs(error) < 1 else abs(error) - 0.5


def test_relational_compares_distances_and_angles_by_hand():
    student = torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]])  # 3, 4, 5: right-angled at the first row
    teacher = torch.tensor([[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0]])  # distances 1, 1, 2, on a line
    own, others = np.array([3, 4, 5]) / 4, np.array([1, 1, 2]) / (4 / 3)
    distances = np.mean([huber(error) for error in own - others])
    angles = np.mean([huber(error) for error in np.array([0, 3 / 5, 4 / 5]) - np.array([-1, 1, 1])])
    labels = torch.tensor([0, 1, 1])
    assert loss("relational", student, teacher, labels).item() == pytest.approx(distances + 2 * angles, rel=1e-5)
    moved = 7 * student.flip(1) + 2  # neither size, place nor turning counts
    assert loss("relational", moved, student, labels).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_relational_has_a_finite_gradient_where_rows_are_few_or_coincide(rows):
    student = torch.zeros(rows, 3, requires_grad=True)
    value = loss("relational", student, TEACHER_OF_THREE[:rows], CLASSES[:rows])
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(student.grad).all()
    same_rows = torch.stack([THREE[0], THREE[0], THREE[1]]).requires_grad_()
    loss("relational", same_rows, TEACHER_OF_THREE[:3], CLASSES[:3]).backward()
    assert same_rows.grad.abs().max() < 10


@pytest.mark.parametrize("name", ["dkd", "dist", "relational"])
def test_gradients_of_more_classes_and_rows_are_those_of_finite_differences(name):
    student, teacher = THREE.double().requires_grad_(), TEACHER_OF_THREE.double()
    assert torch.autograd.gradcheck(lambda logits: loss(name, logits, teacher, CLASSES, 2.0), student)
    assert loss(name, teacher, teacher, CLASSES, 2.0).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("name", ["dkd", "dist"])
def test_parts_that_compare_classes_refuse_rows_of_none(name):
    with pytest.raises(ValueError, match=f"'{name}' compares the classes of a row; the task is multi-label"):
        task_loss("multi-label", name, [[1.0, 0.0]], [[1.0, 0.0]], [[1, 0]])


def test_attention_maps_are_compared_by_hand():
    own, others = torch.tensor([[0.6, 0.8], [1.0, 0.0]]), torch.tensor([[0.6, 0.8], [0.0, 1.0]])
    maps = [{"attention-1": values, "attention-2": values} for values in (own, others)]
    student, teacher = (Outputs(logits=STUDENT, features=features) for features in maps)
    value = total_loss([Term(kind="attention")], Batch(student=student, teacher=teacher, targets=LABELS, task=TASK))
    assert value.item() == pytest.approx((0 + 2) / 2)


def test_pooled_features_are_compared_by_hand():
    assert loss("pooled").item() == pytest.approx((1 + 0 + 0 + 4) / 4)
    assert loss("pooled-cosine").item() == pytest.approx(0, abs=1e-6)
    turned = torch.tensor([[0.0, 1.0], [0.0, 1.0]])
    assert loss("pooled-cosine", student=turned).item() == pytest.approx(0.5, abs=1e-6)
    with pytest.raises(ValueError, match="features 'pooled' of student or teacher are not there"):
        total_loss(
            [Term(kind="pooled")],
            Batch(student=Outputs(logits=STUDENT), teacher=Outputs(logits=TEACHER), targets=LABELS, task=TASK),
        )


def of_tokens(name, student, teacher, mask):
    """The loss `name` of features (batch, length, width) alone."""
    outputs = [
        Outputs(logits=STUDENT, features={feature: torch.tensor(values)})
        for feature, values in ((name, student), (name, teacher))
    ]
    teacher_outputs = Outputs(logits=TEACHER, features={**outputs[1].features, "mask": torch.tensor(mask)})
    batch = Batch(student=outputs[0], teacher=teacher_outputs, targets=LABELS, task=TASK)
    return total_loss([Term(kind=name.partition("-")[0])], batch).item()


def test_states_are_compared_where_tokens_are():
    student, teacher = [[[1.0, 2.0], [9.0, 9.0]]], [[[0.0, 4.0], [0.0, 0.0]]]
    assert of_tokens("hidden-2", student, teacher, [[True, False]]) == pytest.approx((1 + 4) / 2)
    assert of_tokens("hidden-2", student, teacher, [[True, True]]) == pytest.approx((1 + 4 + 81 + 81) / 4)


def test_relations_are_compared_by_hand_and_padding_changes_nothing():
    # Width 1, so one head; queries, keys and values of two tokens.
    student, teacher = [[[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]], [[[2.0, 0.0, 0.0], [0.0, 0.0, 0.0]]]

    def divergence(own, other):
        (p, q) = (np.exp(row) / np.exp(row).sum() for row in (np.array(other), np.array(own)))
        return (p * np.log(p / q)).sum()

    # Of queries, the first token's products are x * x and 0, the second's all 0; keys and values are alike.
    expected = divergence([1.0, 0.0], [4.0, 0.0]) / (3 * 2)
    assert of_tokens("relations", student, teacher, [[True, True]]) == pytest.approx(expected, rel=1e-5)
    padded = [[*student[0], [7.0, 7.0, 7.0]]], [[*teacher[0], [0.0, 0.0, 0.0]]]
    assert of_tokens("relations", *padded, [[True, True, False]]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", TERMS)
def test_gradients_are_those_of_finite_differences(name):
    student = STUDENT.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda logits: loss(name, logits, TEACHER.double(), temperature=2.0), student)


@pytest.mark.parametrize("name", TERMS)
def test_every_objective_is_a_finite_scalar_with_a_gradient(name):
    student = STUDENT.clone().requires_grad_()
    value = loss(name, student=student, temperature=3.0, alpha=0.5)
    value.backward()
    assert value.shape == ()
    assert torch.isfinite(value)
    assert torch.isfinite(student.grad).all()
    assert student.grad.abs().sum() > 0


@pytest.mark.parametrize("name", [name for name in TERMS if name != "hard"])
def test_every_distilling_objective_prefers_the_teacher_to_its_opposite_and_refuses_its_absence(name):
    assert loss(name, student=TEACHER * 5) <= loss(name, student=-TEACHER * 5)
    with pytest.raises(ValueError, match="needs the teacher's outputs"):
        loss(name, teacher=None)
    if name != "relations":  # for which widths may differ
        with pytest.raises(ValueError, match="differ in shape"):
            loss(name, teacher=torch.zeros(2, 3))


@pytest.mark.parametrize("temperature", [1.0, 4.0])
@pytest.mark.parametrize("name", ["soft", "logits"])
def test_soft_objectives_are_least_for_the_teacher_itself(name, temperature):
    student = TEACHER.clone().requires_grad_()
    value = loss(name, student=student, temperature=temperature)
    value.backward()
    assert student.grad.abs().max() < 1e-6
    for seed in range(10):
        noise = torch.randn(TEACHER.shape, generator=torch.Generator().manual_seed(seed))
        assert loss(name, student=TEACHER + noise, temperature=temperature) > value + 1e-4


def test_negative_temperature_is_refused():
    with pytest.raises(ValueError, match="temperature must be positive, got -1"):
        loss("soft", temperature=-1.0)


def task_loss(task, name, student, teacher, targets, *, temperature=1.0, scale=1.0):
    batch = Batch(
        student=Outputs(logits=torch.tensor(student)),
        teacher=Outputs(logits=torch.tensor(teacher)),
        targets=torch.tensor(targets),
        task=task_of(*task) if isinstance(task, tuple) else task_of(task),
        scale=scale,
    )
    return total_loss([Term(kind=name, temperature=temperature)], batch).item()


def test_labels_are_judged_one_by_one_by_hand():
    student, teacher = [[2.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 3.0]]
    hard = (-math.log(sigmoid(2)) - math.log(sigmoid(0))) / 2  # the second row has no labels
    assert task_loss("multi-label", "hard", student, teacher, [[1, 0], [-1, -1]]) == pytest.approx(hard, rel=1e-5)
    soft = 4 * (binary_kl(sigmoid(0.5), sigmoid(1)) + binary_kl(sigmoid(1.5), sigmoid(0.5))) / 4
    loss = task_loss("multi-label", "soft", student, teacher, [[1, 0], [0, 1]], temperature=2.0)
    assert loss == pytest.approx(soft, rel=1e-5)


def test_numbers_are_judged_in_units_of_their_spread_by_hand():
    student, teacher = [[1.0], [5.0]], [[2.0], [9.0]]
    assert task_loss("regression", "hard", student, teacher, [3.0, math.nan], scale=2.0) == pytest.approx(1.0)
    assert task_loss("regression", "soft", student, teacher, [3.0, 4.0], scale=2.0) == pytest.approx((0.25 + 4) / 2)


def test_unknown_term_names_the_nearest():
    with pytest.raises(ValueError, match="unknown term 'softt'; did you mean 'soft'?"):
        Term(kind="softt")


def test_pseudo_hard_takes_the_labels_that_the_task_s_thresholds_give():
    task, teacher = ("multi-label", {"thresholds": [0.7, 0.2]}), [[0.5, -1.0]]  # probabilities 0.62 and 0.27
    pseudo = task_loss(task, "pseudo-hard", [[0.3, 0.4]], teacher, [[-1, -1]])
    assert pseudo == pytest.approx(task_loss(task, "hard", [[0.3, 0.4]], teacher, [[0, 1]]))
