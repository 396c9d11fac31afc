# SPDX-License-Identifier: GPL-2.0-or-later
"""The labs themselves, without oneway: each fault shows as reported, and what an operator would type heals it."""

from lab.checks import assert_faulty, assert_healthy


def test_fault_shows_and_is_healed(stand, faulty_case):
    with stand(faulty_case, healthy=False) as lab:
        assert_faulty(lab)
        lab.heal()
        assert_healthy(lab)


def test_twin_works(stand, twin_case):
    with stand(twin_case, healthy=True) as lab:
        assert_healthy(lab)


def test_lookalike_works(stand, silent_case):
    with stand(silent_case, healthy=True) as lab:
        assert_healthy(lab)
