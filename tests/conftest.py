"""What tests of several modules need: a browser."""

import os
import shutil

import pytest


@pytest.fixture(scope="session")
def chromium():
    """Path of a Chromium or Chrome; where there is none, CI fails and others skip the test."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        missing = "Chromium is not installed (Debian: apt install chromium)"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    return path
