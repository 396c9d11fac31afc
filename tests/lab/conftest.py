# SPDX-License-Identifier: GPL-2.0-or-later
import contextlib

import pytest

pytest.register_assert_rewrite("lab.checks", "lab.watch")

from lab.labs import cases  # noqa: E402
from lab.net import Net, Unsupported  # noqa: E402


@contextlib.contextmanager
def _stand(case, healthy):
    lab, variant, family = case
    try:
        with Net() as net:
            yield lab(net, variant, family, healthy)
    except Unsupported as reason:
        pytest.skip(str(reason))


@pytest.fixture
def stand():
    """stand(case, healthy): a context in which the lab stands."""
    return _stand


def pytest_generate_tests(metafunc):
    if "family" in metafunc.fixturenames:
        metafunc.parametrize("family", (4, 6))
    faulty = cases(False)
    wanted = {"faulty_case": faulty, "twin_case": faulty, "silent_case": cases(True),
              "early_case": [case for case in faulty if case[0].early]}
    for name, found in wanted.items():
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, found, ids=[f"{lab.name}-{variant}-v{family}" for lab, variant, family in found])
