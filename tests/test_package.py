"""The package as a whole: what importing it pulls in, and what it offers."""

import inspect
import subprocess
import sys

import dlutils


def test_importing_needs_numpy_alone():
    code = (
        "import sys, numpy; before = set(sys.modules); import dlutils;"
        "new = {name.split('.')[0] for name in set(sys.modules) - before};"
        "print(*sorted(new - {'dlutils', 'numpy'} - sys.stdlib_module_names))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_every_public_name_exists_and_has_a_docstring_with_an_example():
    for name in dlutils.__all__:
        if name.startswith("ALL_"):
            continue
        doc = inspect.getdoc(getattr(dlutils, name))
        assert doc, name
        if name not in {"Fit", "Gradients", "PerceptronFit", "Trace"}:  # results, shown elsewhere
            assert ">>>" in doc, name
