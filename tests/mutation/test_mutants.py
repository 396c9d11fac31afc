# SPDX-License-Identifier: GPL-2.0-or-later
"""What tests/mutation/run would change, and what it leaves alone."""

import importlib.machinery
import importlib.util
import os

RUN = f"{os.path.dirname(os.path.abspath(__file__))}/run"
LOADER = importlib.machinery.SourceFileLoader("mutation", RUN)
SPEC = importlib.util.spec_from_loader("mutation", LOADER)
MUTATION = importlib.util.module_from_spec(SPEC)
LOADER.exec_module(MUTATION)


def changed(body):
    text = f"#include <a-b.h>\nint f(const char *a, struct x **b)\n{{\n{body}\n}}\n"
    found = [text[:start] + new + text[end:] for start, end, new in MUTATION.mutants(text)]
    return sorted(one.split("{\n", 1)[1].rsplit("\n}", 1)[0] for one in found)


def test_operators():
    assert changed("return a < b && !c;") == ["return a < b && c;", "return a < b || !c;", "return a <= b && !c;"]


def test_constants_and_jumps():
    assert changed("if (a) continue;") == ["if (a) break;"]
    assert changed("x = 2;") == ["x = 0;", "x = 3;"]
    assert changed("x = 0x10u;") == ["x = 0u;", "x = 17u;"]


def test_pointers_addresses_and_signs_stay():
    assert changed("struct x *y = *b; f(&y, *b); z = -y; return *a;") == []
    assert changed("x->y = (const char *)a;") == []


def test_comments_strings_and_declarations_stay():
    assert changed('/* a < b */ f("1 < 2"); // 3') == []
    assert MUTATION.mutants("struct x { int y[4]; };\nstatic const int z = 4 + 1;\n") == []


def test_more_memory_than_needed_is_no_fault():
    assert changed("a = malloc(2 * sizeof(*a));") == ["a = malloc(0 * sizeof(*a));", "a = malloc(2 / sizeof(*a));"]
    assert changed("a = calloc(f(b) + 1, c);") == ["a = calloc(f(b) - 1, c);"]
    assert changed("free(a); b = f(malloc(c), 1);") == ["free(a); b = f(malloc(c), 2);"]


def test_survivors_are_found_again_where_they_moved():
    log = "killed   a.c:1 unit_a\nsurvived a.c:3 \n         -\tx = 1;\n         +\tx = 2;\nkilled   a.c:9 unit_a\n"
    entries = MUTATION.survived(log)
    assert entries == [("a.c", 3, ["-\tx = 1;", "+\tx = 2;"])]
    text = "int f(void)\n{\n\tx = 1;\n\ty = 1;\n\tx = 1;\n}\n"
    (file, mutant), = MUTATION.again(entries, {"a.c": text})
    assert (file, MUTATION.change(text, mutant)[0]) == ("a.c", 3)
    (_, mutant), = MUTATION.again(entries, {"a.c": "\n\n" + text})
    assert MUTATION.change("\n\n" + text, mutant)[0] == 5
    assert not list(MUTATION.again(entries, {"a.c": "int f(void)\n{\n}\n"}))
