"""The colors of figures, as a browser draws them for the color-blind and in the dark."""

import io
from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pytest

from dlutils.plotting import FORWARD, GRADIENT, INK, LINES, QUIET

# In CIELAB a distance of 2.3 can just be seen, between large patches side by side. Lines are thin
# and lie apart: they get nearly nine times as much. (Black and white are 100 apart.)
APART = 20
GROUND = "white"
STRIPES = """colors => {
    const image = document.querySelector(".bd-article .cell_output img");
    const width = 10 * colors.length;
    const stripes = colors.map((color, i) => `<path d="M${10 * i} 0h10v10h-10z" fill="${color}"/>`);
    const start = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} 10">`;
    image.style = `width: ${width}px; height: 10px; padding: 0`;
    image.src = "data:image/svg+xml," + encodeURIComponent(start + stripes.join("") + "</svg>");
    return image.decode();
}"""


@pytest.fixture(scope="module", params=["light", "dark"])
def seen(request, browser, addresses):
    """Function that returns the RGB values in which a page shows colors of a figure."""
    tab = browser.new_page(color_scheme=request.param)
    tab.goto(f"{addresses['http']}chapters/forward-pass.html")
    devtools = tab.context.new_cdp_session(tab)

    def shown(*colors, kind="none"):
        devtools.send("Emulation.setEmulatedVisionDeficiency", {"type": kind})
        tab.evaluate(STRIPES, colors)
        picture = tab.locator(".bd-article .cell_output img").first.screenshot()
        return plt.imread(io.BytesIO(picture))[5, 5 : 10 * len(colors) : 10, :3].astype(float)

    yield shown
    tab.close()


def linear(rgb):
    """Amounts of red, green and blue light."""
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast(rgb, ground):
    """Contrast of colors with a ground, as WCAG defines it."""
    dark, light = np.sort([linear(c) @ [0.2126, 0.7152, 0.0722] for c in (rgb, ground)], axis=0)
    return (light + 0.05) / (dark + 0.05)


def lab(rgb):
    """Return the CIELAB coordinates of sRGB colors."""
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    white = np.sum(to_xyz, axis=1)
    xyz = linear(rgb) @ np.transpose(to_xyz) / white
    x, y, z = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / 3 * (29 / 6) ** 2 + 4 / 29).T
    return np.transpose([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_what_is_drawn_stands_out_from_the_ground(seen):
    *drawn, ground = seen(*LINES, QUIET, GROUND)
    assert min(contrast(color, ground) for color in drawn) >= 3
    *written, ground = seen(FORWARD, GRADIENT, INK, GROUND)
    assert min(contrast(color, ground) for color in written) >= 4.5


@pytest.mark.parametrize("kind", ["none", "protanopia", "deuteranopia", "tritanopia"])
def test_lines_can_be_told_apart(seen, kind):
    colors = dict(zip(LINES, lab(seen(*LINES, kind=kind)), strict=True))
    near = {
        pair: round(distance, 1)
        for pair in combinations(colors, 2)
        if (distance := np.linalg.norm(colors[pair[0]] - colors[pair[1]])) < APART
    }
    assert near == {}


def test_distances_are_those_of_the_standard():
    red, gray = lab(np.array([[1.0, 0, 0], [0.5, 0.5, 0.5]]))
    assert np.allclose(red, [53.24, 80.09, 67.20], atol=0.05)
    assert np.allclose(gray, [53.39, 0, 0], atol=0.05)
    assert np.isclose(contrast(np.zeros(3), np.ones(3)), 21)
