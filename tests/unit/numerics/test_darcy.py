"""Flow through porous media: closed forms in one dimension, elimination as truth, and what is refused."""

import dataclasses

import numpy as np
import pytest
from scipy.sparse import csgraph

from spondyl.errors import InputError, NotConverged
from spondyl.numerics.darcy import (
    DarcyProblem,
    conjugate_gradients,
    direct,
    face_conductances,
    flow_out_of,
    matrix_of,
)


def problem_of(
    permeability: np.ndarray, viscosity: np.ndarray | float = 1.0, edges: tuple[float, float, float] = (1.0, 1.0, 1.0)
) -> DarcyProblem:
    """Without sources; the last layer along x of the medium drains to 0."""
    k = np.broadcast_to(permeability, (3, *permeability.shape[-3:])).astype(float)
    drain = np.where(k[0] > 0, 0.0, 0.0)
    drain[-1] = np.where(k[0, -1] > 0, 1.0, 0.0)
    zero = np.zeros(k.shape[1:])
    return DarcyProblem(k, np.broadcast_to(viscosity, zero.shape).astype(float), edges, zero, drain, zero)


def random_problem(seed: int, *, decades: float = 3.0) -> DarcyProblem:
    """A random body of boxes with lognormal permeability along each axis, a source and a few drains."""
    random = np.random.default_rng(seed)
    shape = tuple(random.integers(3, 12, 3))
    inside = random.random(shape) < 0.85
    k = np.exp(random.normal(0, decades, (3, *shape))) * inside
    viscosity = 10 ** random.uniform(-decades, decades, shape)
    drain = np.where(inside, 10 ** random.uniform(-2, 2, shape), 0.0)  # a drain each: every part has one
    source = np.where(inside & (random.random(shape) < 0.1), random.normal(size=shape), 0.0)
    a, b, c = random.uniform(0.3, 3.0, 3)
    return DarcyProblem(k, viscosity, (a, b, c), source, drain, random.normal(size=shape))


def test_layers_in_a_row_give_the_sum_of_their_resistances() -> None:
    """1-D: p = Q sum(mu d / k A) from a source at one end to the drain of the last cell, layer by layer."""
    k = np.array([2.0, 2.0, 0.5, 0.5, 8.0]).reshape(5, 1, 1)
    mu = np.array([3.0, 1.0, 1.0, 4.0, 2.0])
    made = problem_of(k, mu.reshape(5, 1, 1), (0.5, 2.0, 3.0))
    source = np.zeros((5, 1, 1))
    source[0] = 7.0
    found = conjugate_gradients(rtol=1e-12)(dataclasses.replace(made, source=source))
    half = 0.5 * 0.5 / 6.0 * mu / k[:, 0, 0]
    between = half[:-1] + half[1:]
    expected = 7.0 * (1.0 + np.concatenate([np.cumsum(between[::-1])[::-1], [0.0]]))
    np.testing.assert_allclose(found.pressure[:, 0, 0], expected, rtol=1e-10)


@pytest.mark.parametrize("seed", range(12))
def test_random_media_agree_with_elimination(seed: int) -> None:
    made = random_problem(seed)
    found, truth = conjugate_gradients(rtol=1e-12)(made), direct(made)
    assert found.residuals[-1] <= 1e-12
    scale = np.abs(truth.pressure).max()
    np.testing.assert_allclose(found.pressure, truth.pressure, atol=1e-6 * scale, rtol=0)


def test_a_heterogeneous_anisotropic_field_agrees_with_elimination_to_a_millionth() -> None:
    """Lognormal with a correlation length, cement a thousand times thicker than marrow: the same face rule."""
    from scipy import ndimage

    random = np.random.default_rng(7)
    smooth = ndimage.gaussian_filter(random.normal(size=(20, 18, 16)), 1.5)
    k = 0.02 * np.exp(0.5 * smooth / smooth.std()) * np.array([0.78, 0.78, 1.0]).reshape(3, 1, 1, 1)
    i, j, m = np.indices(smooth.shape)
    mu = np.where((i - 10) ** 2 + (j - 9) ** 2 + (m - 8) ** 2 < 25, 1e-4, 7e-8)
    made = problem_of(k, mu)
    source = np.zeros(smooth.shape)
    source[10, 9, 8] = 66.7
    made = dataclasses.replace(made, source=source, drain=made.drain * 1e6)
    found, truth = conjugate_gradients(rtol=1e-10)(made), direct(made)
    np.testing.assert_allclose(found.pressure, truth.pressure, rtol=1e-6)
    ball = (i - 10) ** 2 + (j - 9) ** 2 + (m - 8) ** 2 < 16
    assert flow_out_of(made, found.pressure, ball) == pytest.approx(66.7, rel=1e-6)


def solved_cell_by_cell(made: DarcyProblem) -> np.ndarray:
    """Pressures from a dense matrix written out cell by cell, with the module's face rule and no code of it.

    From the middle of one box to that of the next lie half of each: flow = A dp / (d/2 (mu1/k1 + mu2/k2)).
    """
    k, mu, shape = made.permeability, made.viscosity, made.viscosity.shape
    number = {cell: at for at, cell in enumerate(np.ndindex(shape))}
    matrix = np.diag(made.drain.ravel())
    for cell, here in number.items():
        for axis in range(3):
            beyond = tuple(c + (a == axis) for a, c in enumerate(cell))
            if beyond in number:
                across = np.prod([edge for a, edge in enumerate(made.edges) if a != axis])
                resistance = 0.5 * made.edges[axis] * (mu[cell] / k[axis][cell] + mu[beyond] / k[axis][beyond])
                there = number[beyond]
                matrix[[here, there], [here, there]] += across / resistance
                matrix[[here, there], [there, here]] -= across / resistance
    return np.linalg.solve(matrix, (made.source + made.drain * made.drain_pressure).ravel()).reshape(shape)


def test_a_needle_in_a_rough_field_agrees_with_a_matrix_written_by_hand() -> None:
    """Boxes, not cubes; each axis with its own permeability; drains on one side alone, so that left is not right.

    Tolerance: a millionth of the largest pressure, as issue 7 asks.
    """
    random = np.random.default_rng(5)
    shape, edges = (9, 7, 6), (1.0, 1.5, 0.8)
    k = 0.02 * np.exp(0.5 * random.normal(size=(3, *shape)))
    mu = np.where(random.random(shape) < 0.3, 1e-4, 7e-8)
    source, drain = np.zeros(shape), np.zeros(shape)
    source[4, 3, 2], drain[-1] = 66.7, 1e5
    made = DarcyProblem(k, mu, edges, source, drain, np.full(shape, 0.001))
    truth = solved_cell_by_cell(made)
    for solve in (conjugate_gradients(rtol=1e-11), direct):
        np.testing.assert_allclose(solve(made).pressure, truth, rtol=0, atol=1e-6 * truth.max())
    assert truth[0].mean() > truth[-1].mean() > 0.001


def test_the_matrix_is_symmetric_and_its_rows_sum_to_the_drains() -> None:
    made = random_problem(3)
    matrix = matrix_of(made)
    assert abs(matrix - matrix.T).max() < 1e-12 * abs(matrix).max()
    active = made.permeability[0] > 0
    np.testing.assert_allclose(
        np.asarray(matrix.sum(axis=1)).ravel(), made.drain[active], atol=1e-12 * abs(matrix).max()
    )
    assert csgraph.connected_components(matrix)[0] >= 1


def test_faces_of_boxes_follow_their_edges() -> None:
    """k A / (mu d): 2 mm² x 3 x 4 mm² / (5 MPa s x 1 mm) along x, and so on."""
    made = problem_of(np.full((2, 2, 2), 2.0), 5.0, (1.0, 3.0, 4.0))
    along = face_conductances(made)
    assert [float(faces.max()) for faces in along] == pytest.approx([2 * 12 / 5, 2 * 4 / 15, 2 * 3 / 20])
    assert all(np.count_nonzero(faces) == 4 for faces in along)


def test_even_media_take_few_iterations() -> None:
    """Symptom: all marrow of a body at 1 mm took six seconds. A cube of 40 cells an edge: 53 by the modified factor,
    105 by the plain one."""
    made = problem_of(np.ones((40, 40, 40)))
    source = np.zeros((40, 40, 40))
    source[20, 20, 20] = 1.0
    assert conjugate_gradients(rtol=1e-8)(dataclasses.replace(made, source=source)).iterations < 70


def test_too_few_iterations_raise_with_the_history() -> None:
    with pytest.raises(NotConverged, match="unbalanced after 2 iterations") as caught:
        conjugate_gradients(rtol=1e-12, iterations=2)(random_problem(1))
    assert len(caught.value.residuals) == 3


def test_no_flow_is_no_pressure() -> None:
    found = conjugate_gradients()(problem_of(np.ones((3, 3, 3))))
    assert not found.pressure.any() and found.iterations == 0


def refused(change: str) -> DarcyProblem:
    made = problem_of(np.ones((3, 3, 3)))
    spot = np.zeros((3, 3, 3))
    spot[1, 1, 1] = 1.0
    flat = made.permeability * np.array([1, 1, 0.0]).reshape(3, 1, 1, 1)
    return {
        "shape": lambda: dataclasses.replace(made, viscosity=np.ones((2, 3, 3))),
        "nan": lambda: dataclasses.replace(made, source=spot * np.nan),
        "negative": lambda: dataclasses.replace(made, permeability=-made.permeability),
        "one axis": lambda: dataclasses.replace(made, permeability=flat),
        "void": lambda: problem_of(np.zeros((3, 3, 3))),
        "thin": lambda: dataclasses.replace(made, viscosity=made.viscosity * 0),
        "outside": lambda: dataclasses.replace(problem_of(1 - spot), source=spot),
        "closed": lambda: dataclasses.replace(made, drain=spot * 0),
        "rank": lambda: dataclasses.replace(made, permeability=made.permeability[0]),
    }[change]()  # fmt: skip


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("shape", "one shape is expected"),
        ("nan", "not finite"),
        ("negative", "negative"),
        ("one axis", "along some axes only"),
        ("void", "no medium"),
        ("thin", "0 or negative"),
        ("outside", "lies where there is no medium"),
        ("closed", "1 of 1 parts of the medium have no drain"),
        ("rank", "one value an axis"),
    ],
)
def test_problems_without_an_answer_are_refused(change: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        conjugate_gradients()(refused(change))
