# SPDX-License-Identifier: GPL-2.0-or-later
"""Some of the random gateways of lab/zoo.py, always the same."""

import pytest

from lab.labs.zoo import Plan
from lab.net import Unsupported
from lab.test_labs import program  # noqa: F401
from lab.zoo import try_one

SEEDS = (1, 4, 6, 102, 103, 105, 106, 108, 109, 110, 111, 112, 113, 114, 115, 117, 119, 120, 124, 125, 127, 128, 203)  # as in CMakeLists.txt


@pytest.mark.parametrize("seed", SEEDS)
def test_the_kernel_agrees(program, seed):  # noqa: F811
    print(Plan(seed))
    try:
        print(*try_one(program, seed))
    except Unsupported as reason:
        pytest.skip(str(reason))


def test_a_number_is_always_the_same_gateway():
    assert [str(Plan(seed)) for seed in SEEDS] == [str(Plan(seed)) for seed in SEEDS]
    assert any(line.faults for seed in SEEDS for line in Plan(seed).lines)
    assert any(not any(line.faults for line in Plan(seed).lines) for seed in SEEDS)
