import numpy as np
import pytest

from spondyl.errors import InputError
from spondyl.synthetic import effective_energy, tissue_hu, trabecular_density, trabecular_hu


def test_water_is_zero_and_air_minus_thousand():
    hu = tissue_hu(70.0)
    assert hu["water"] == 0.0
    assert hu["air"] == pytest.approx(-1000, abs=2)


def test_tissues_lie_where_body_ct_shows_them():
    hu = tissue_hu(70.0)  # about 120 kV; ranges every radiology textbook gives
    assert -120 < hu["adipose"] < -60
    assert 30 < hu["muscle"] < 70
    assert 30 < hu["blood"] < 75
    assert -900 < hu["lung"] < -800
    assert hu["cortical_bone"] > 1200


def test_one_hundred_mg_of_mineral_at_70_kev_by_hand():
    # marrow 0.18716*0.98 = 0.18342/cm, water 0.19285/cm, K2HPO4 0.30151*2.44 = 0.73568/cm; 100 mg fill 0.1/2.44
    share = 0.1 / 2.44
    expected = 1000 * ((0.18342 * (1 - share) + 0.73568 * share) / 0.19285 - 1)
    assert float(trabecular_hu(100.0, 70.0, 1.0)) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("energy", [55.0, 70.0, 97.0])
@pytest.mark.parametrize("fat", [0.4, 1.0])
def test_density_comes_back_from_its_ct_number(energy, fat):
    density = np.array([0.0, 50.0, 150.0, 400.0])
    assert trabecular_density(trabecular_hu(density, energy, fat), energy, fat) == pytest.approx(density, abs=0.01)


def test_bone_is_less_bright_at_higher_energy():
    assert float(trabecular_hu(150.0, 60.0, 1.0)) > float(trabecular_hu(150.0, 100.0, 1.0)) + 30


def test_energy_rises_with_tube_voltage():
    assert effective_energy(100) < effective_energy(110) < effective_energy(120)


def test_energies_outside_the_table_are_refused():
    with pytest.raises(InputError, match="40 to 140"):
        tissue_hu(200.0)
    with pytest.raises(InputError, match="tube_voltage_kv"):
        effective_energy(60.0)
