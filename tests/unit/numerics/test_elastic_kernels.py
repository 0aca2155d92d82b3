"""The compiled operator against its NumPy twin."""

import numpy as np
import pytest

from spondyl.numerics import elasticity as el


@pytest.mark.parametrize(
    ("material", "kind"), [("isotropic", np.float64), ("isotropic", np.float32), ("along x", np.float32)]
)
@pytest.mark.parametrize("threads", [1, 3])
def test_compiled_equals_plain(material: str, kind: type, threads: int) -> None:
    from spondyl.numerics import elastic_kernels as kernels

    rng = np.random.default_rng(0)
    shape, edge = (7, 6, 80), 1.5
    modulus = rng.uniform(10, 1000, shape)
    modulus[rng.random(shape) < 0.3] = 0.0
    if material == "isotropic":
        coefficients, apply = el.isotropic(modulus, rng.uniform(0, 0.45, shape)), kernels.apply_isotropic
    else:
        coefficients = el.transversely_isotropic(
            modulus, ratio=0.4, poisson_axial=0.3, poisson_transverse=0.2, shear_axial=0.3, axis=0
        )
        apply = kernels.apply_orthotropic
    u = rng.normal(size=(3, 8, 7, 81)).astype(kind)
    found = np.full_like(u, 7.0)  # what stands there before must not matter
    scratch = np.ones((threads, 3, 7, 81), kind), np.ones((threads, kernels.LINES), kind)
    apply((coefficients * edge / 16).astype(kind), u, found, *scratch)
    plain = el.apply_stiffness(coefficients, edge, u.astype(float))
    assert np.abs(found - plain).max() < 20 * np.finfo(kind).eps * np.abs(plain).max()
