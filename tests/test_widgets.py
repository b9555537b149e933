"""Slider figures: each frame is in the page, one script joins it, and bad input is refused."""

import gzip
import html
import json
import re
import subprocess
import sys
import urllib.parse
import xml.etree.ElementTree as ET

import matplotlib

matplotlib.use("agg")
import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import pytest

from dlutils import Sigmoid, plotting, widgets
from dlutils.widgets import Sliders

VIEW = "application/vnd.jupyter.widget-view+json"
CONTROLS = {"learning rate": [-0.1, 0.1, 1.0], "start": ["left", "<right>"]}


def line(*values):
    ax = plotting.plot_points([0, 1], [0, 1], [*map(str, values), ""][:2])
    ax.set(xticks=[0, 1], yticks=[])  # drawing ticks takes longest
    return ax


def alt(*values):
    return "Two points: " + " & ".join(map(str, values))


def sliders(**changes):
    arguments = {"plot": line, "controls": CONTROLS, "alt": alt} | changes
    return Sliders(arguments.pop("plot"), arguments.pop("controls"), **arguments)


def page(figure):
    return figure._repr_mimebundle_()["text/html"]


FIGURE = sliders()  # which needs its page only once


def data(text):
    return json.loads(re.search(r'(?s)<script type="application/json">(.*?)</script>', text)[1])


def frames(text):
    stored = data(text)
    parts = [*dict.fromkeys(shown(text).split("\n")), *stored["others"]]
    return ["".join(parts[n] for n in frame) for frame in stored["frames"]]


def shown(text):
    """Return the SVG of the one image that shows without scripts, a part on each line."""
    (source,) = re.findall(r'<img src="data:image/svg\+xml,([^"]*)"', text)
    assert not set(source) - set(urllib.parse.quote("".join(map(chr, range(128))))) - {"/"}
    return urllib.parse.unquote(source)


def still(text):
    return shown(text).replace("\n", "")


@pytest.fixture(autouse=True)
def _no_figure_stays_open():
    before = plt.get_fignums()
    yield
    assert plt.get_fignums() == before


def test_every_frame_is_a_whole_picture_of_its_values_and_of_one_size():
    drawn = []
    text = page(sliders(plot=lambda *values: drawn.append(values) or line(*values)))
    product = [(rate, start) for rate in (-0.1, 0.1, 1.0) for start in ("left", "<right>")]
    assert drawn == [*product, product[0]]  # the last is the live form's
    assert len(set(frames(text))) == 6
    roots = [ET.fromstring(frame) for frame in frames(text)]
    assert {root.tag for root in roots} == {"{http://www.w3.org/2000/svg}svg"}
    assert (
        len({(root.get("width"), root.get("height"), root.get("viewBox")) for root in roots}) == 1
    )
    assert data(text)["alts"] == [alt(*values) for values in product]
    assert data(text)["texts"] == [["−0.1", "0.1", "1"], ["left", "<right>"]]


def test_nothing_is_cut_off_when_frames_differ_in_size():
    def plot(size):
        ax = plotting.plot_lines([0, 1], {"y": [0, 1]})
        ax.set_ylabel("y", fontsize=size)
        boxes.append(ax.figure.get_tightbbox())
        return ax

    boxes = []
    text = page(sliders(plot=plot, controls={"size": [8, 60]}))
    width = float(ET.fromstring(frames(text)[0]).get("width").removesuffix("pt"))
    left, right = min(box.x0 for box in boxes), max(box.x1 for box in boxes)
    assert width == pytest.approx(72 * (right - left + 0.2), abs=1)  # a tenth of an inch around


def test_without_scripts_there_is_the_start_frame_and_no_dead_slider():
    text = page(sliders(start={"start": "<right>", "learning rate": 0.1}))
    assert still(text) == frames(text)[3]
    assert f'alt="{html.escape(alt(0.1, "<right>"))}"' in text
    assert re.search(r'<div class="sliders">\s*<div hidden>', text)
    assert page(FIGURE).count("<img") == 1 and still(page(FIGURE)) == frames(text)[0]


def test_a_slider_has_its_name_its_values_and_their_text():
    text = page(sliders(start={"start": "<right>", "learning rate": 0.1}))
    first, second = re.findall(r"<div>(<label>.*?</output>)</div>", text)
    assert first.startswith('<label>learning rate <input type="range" max="2" value="1" ')
    assert 'aria-valuetext="0.1"' in first and first.endswith(">0.1</output>")
    assert second.startswith('<label>start <input type="range" max="1" value="1" ')
    assert 'aria-valuetext="&lt;right&gt;"' in second and ">&lt;right&gt;</output>" in second
    assert text.count('autocomplete="off"') == 2  # a browser that reloads would keep old values
    assert text.count('aria-live="off"') == 2  # the slider's own text is read already
    assert text.count("max-width: 100%") == 3  # on a phone too
    assert text.count("<input") == text.count("<label") == text.count("<output") == 2


def test_the_page_is_the_same_on_every_run_and_needs_nothing_from_outside():
    text = page(FIGURE)
    assert text == page(sliders())
    markup = re.sub(r"(?s)<script type.*?</script>", "", text)
    assert "id=" not in markup and "http" not in markup.replace(still_source(text), "")
    assert "base64" not in text and len(widgets.SCRIPT) < 1024
    svg = still(text)
    assert svg.startswith("<svg ") and "<metadata" not in svg and "<!--" not in svg


def still_source(text):
    return re.search(r'<img src="([^"]*)"', text)[1]


def test_numbers_of_paths_are_cut_to_two_decimals_and_others_are_not():
    svg = still(page(FIGURE))
    paths = "".join(re.findall(r' d="([^"]*)"', svg))
    assert re.search(r"\.\d\d\b", paths) and not re.search(r"\.\d{3}", paths)
    assert "scale(0.015625)" in svg


def test_twenty_frames_of_two_lines_are_small():
    def curves(slope):
        f = Sigmoid(slope)
        return plotting.plot_lines(z, {"σ(z)": f(z), "σ′(z)": f.derivative(z)}, xlabel="z")

    z = np.linspace(-6, 6, 201)
    text = page(sliders(plot=curves, controls={"slope": np.linspace(0.2, 4, 20)}))
    assert len(gzip.compress(text.encode())) < 45_000


def test_no_text_ends_the_script_or_the_attribute():
    text = page(sliders(alt=lambda *values: f'"</script><!--<script>" {values}'))
    assert text.count("</script>") == 2 and "<!--" not in text
    assert data(text)["alts"][0].startswith('"</script><!--<script>"')
    assert ' alt="&quot;&lt;/script' in text


def test_names_are_escaped():
    name = 'σ <β> & "γ"'
    assert f"<label>{html.escape(name)} <input" in page(sliders(controls={name: [1, 2]}))


def test_a_plot_may_return_the_figure():
    text = page(sliders(plot=lambda *values: line(*values).figure))
    assert frames(text) == frames(page(FIGURE))


def test_the_caller_may_change_the_lists_afterwards():
    controls, start = {"n": [1, 2]}, {}
    figure = sliders(controls=controls, start=start)
    controls["n"].append(3)
    assert repr(figure) == "Sliders: 2 frames by n" and figure.controls == {"n": [1, 2]}
    assert start == {}


def test_both_forms_are_displayed_and_a_stored_page_has_one(monkeypatch):
    monkeypatch.delenv("DLUTILS_SLIDERS", raising=False)
    both = FIGURE._repr_mimebundle_()
    assert both.keys() == {"text/plain", "text/html", VIEW}
    assert both["text/plain"] == "Sliders: 6 frames by learning rate and start"
    monkeypatch.setenv("DLUTILS_SLIDERS", "page")
    assert FIGURE._repr_mimebundle_() == {key: both[key] for key in ("text/plain", "text/html")}


def test_without_ipywidgets_the_page_is_displayed(monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    assert FIGURE._repr_mimebundle_().keys() == {"text/plain", "text/html"}


def test_importing_needs_neither_matplotlib_nor_ipywidgets():
    code = "import sys, dlutils.widgets; print({'matplotlib', 'ipywidgets'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_live_sliders_draw_anew_for_every_value():
    live = sliders(start={"start": "<right>"})._live()
    rate, start, picture = live.children
    assert f'alt="{html.escape(alt(-0.1, "<right>"))}"' in picture.value
    rate.value, start.value = 0.37, "left"
    assert f'alt="{html.escape(alt(0.37, "left"))}"' in picture.value
    svg = still(picture.value)
    rate.value = 0.38
    assert still(picture.value) != svg
    assert rate.description == "learning rate" and start.description == "start"


@pytest.mark.parametrize(
    ("values", "start", "kind", "low", "high"),
    [
        ([3, 1, 2], 3, ipywidgets.IntSlider, 1, 3),
        ([1, 2, 2], 1, ipywidgets.IntSlider, 1, 2),
        (np.arange(-100, 100, dtype=np.int8), 7, ipywidgets.IntSlider, -100, 99),
        (np.arange(4), 1, ipywidgets.IntSlider, 0, 3),
        ([-1.0, 0.5, 2], 0.5, ipywidgets.FloatSlider, -1, 2),
        (np.float32([0.5, 1]), 1, ipywidgets.FloatSlider, 0.5, 1),
        ([0.5, 49.9], 0.5, ipywidgets.FloatSlider, 0.5, 49.9),
        ([0.0, 100.0], 0.0, ipywidgets.FloatSlider, 0, 100),
        ([0.001, 0.01, 10.0], 0.01, ipywidgets.FloatLogSlider, -3, 1),
        ([0.5, 50.0], 0.5, ipywidgets.FloatLogSlider, np.log10(0.5), np.log10(50)),
    ],
)
def test_numbers_become_a_range(values, start, kind, low, high):
    widget = widgets._widget("n", list(values), start)
    assert type(widget) is kind and widget.value == start and widget.description == "n"
    assert (widget.min, widget.max) == pytest.approx((low, high))
    if kind is ipywidgets.FloatSlider:
        assert widget.step == pytest.approx((high - low) / 200)
    if kind is ipywidgets.FloatLogSlider:
        assert widget.step == 0.01


@pytest.mark.parametrize("values", [["left", 2], [3, 2, 7], [1, 2, 4], [1, 2, 2, 4], [-(10**9), 2]])
def test_what_is_no_range_of_numbers_stays_a_choice(values):
    widget = widgets._widget("start", values, 2)
    assert isinstance(widget, ipywidgets.SelectionSlider) and widget.value == 2
    assert widget.options == tuple(values) and widget.description == "start"


def test_integers_with_gaps_reach_the_plot_as_they_were_given():
    drawn = []
    figure = sliders(plot=lambda n: drawn.append(n) or line(n), controls={"n": [8, 1, 32]})
    choice, _ = figure._live().children
    for index in range(3):
        choice.index = index
    assert drawn == [8, 1, 32]


def test_displaying_twice_draws_the_page_once(monkeypatch):
    monkeypatch.setenv("DLUTILS_SLIDERS", "page")
    drawn = []
    figure = sliders(
        plot=lambda n: drawn.append(n) or line(n),
        controls={"n": [1, 2]},
        alt=lambda n: drawn.append(alt(n)) or alt(n),
    )
    assert drawn == [] and page(figure) == page(figure)
    assert drawn == [1, 2, alt(1), alt(2)]


@pytest.mark.parametrize("form", ["_page", "_live"])
def test_a_plot_that_fails_leaves_only_the_figures_from_before(form):
    def plot(n):
        ax = line(n)
        if n == last:
            raise KeyError(n)
        return ax

    last = {"_page": 2, "_live": 1}[form]
    own = plt.figure()
    before = plt.get_fignums()
    figure = sliders(plot=plot, controls={"n": [1, 2]})
    with pytest.raises(KeyError, match=str(last)):
        figure._page if form == "_page" else figure._live()
    assert plt.get_fignums() == before
    plt.close(own)


def test_script_shows_the_chosen_frame(chromium, tmp_path):
    text = page(FIGURE)
    move = """<script>
    const second = document.querySelectorAll(".sliders")[1];
    const [rate, start] = second.querySelectorAll("input");
    for (const [slider, value] of [[rate, 2], [start, 1], [rate, 1]]) {
      slider.value = value;
      slider.dispatchEvent(new Event("input", {bubbles: true}));
    }
    </script>"""
    file = tmp_path / "page.html"
    file.write_text(f'<meta charset="utf-8">{text}{text}{move}', encoding="utf-8")
    options = "--headless --no-sandbox --disable-gpu --disable-background-networking --dump-dom"
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    command = [chromium, *options.split(), profile, file.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    one, two = done.stdout.split('<div class="sliders">')[1:]
    assert still(one) == frames(text)[0] and 'aria-valuetext="−0.1"' in one
    assert "<div hidden" not in one + two
    source = html.unescape(still_source(two)).removeprefix("data:image/svg+xml,")
    assert urllib.parse.unquote(source) == frames(text)[3] and "#" not in source
    assert f'alt="{alt(0.1, "<right>")}"' in html.unescape(two)
    assert 'aria-valuetext="0.1"' in two and ">0.1</output>" in two and "&lt;right&gt;</out" in two


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"controls": {}}, "controls: 0 sliders, 1 frames, wanted at least 1 and at most 200"),
        ({"controls": {"n": [1]}}, r"controls\['n'\]: \[1\], wanted at least 2 values"),
        ({"controls": {"n": range(201)}}, "controls: 1 sliders, 201 frames"),
        ({"controls": {"n": range(67), "m": range(3)}}, "controls: 2 sliders, 201 frames"),
        ({"start": {"start": "up"}}, r"start\['start'\]: 'up', wanted one of the values \['left'"),
        ({"start": {"stop": 1}}, r"start\['stop'\]: 1, wanted one of the values of a slider"),
    ],
)
def test_refuses_bad_controls(changes, message):
    with pytest.raises(ValueError, match=message):
        sliders(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"alt": lambda *values: " "}, r"alt: ' ' for \(-0.1, 'left'\), wanted a text"),
        ({"alt": lambda *values: 3}, r"alt: 3 for \(-0.1, 'left'\), wanted a text"),
        ({"plot": lambda *values: None}, "plot: returned no figure, wanted matplotlib Axes"),
    ],
)
def test_refuses_bad_pictures(changes, message):
    with pytest.raises(ValueError, match=message):
        sliders(**changes)._repr_mimebundle_()


def test_refuses_two_frames_on_one_figure():
    ax = line(1)
    with pytest.raises(ValueError, match="plot: drew two frames on one figure"):
        page(sliders(plot=lambda *values: plotting.plot_points([0], [0], ax=ax)))
    plt.close(ax.figure)  # it is the caller's


def test_two_hundred_frames_are_allowed():
    assert sliders(controls={"n": range(100), "m": range(2)}).frames == 200


def test_many_frames_give_no_warning_of_open_figures():
    assert len(frames(page(sliders(controls={"n": range(21)})))) == 21
