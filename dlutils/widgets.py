"""Slider figures: one function draws every frame, for a live notebook and for a page alike."""

import html
import io
import itertools
import json
import math
import os
import re
import urllib.parse
from collections.abc import Iterable
from functools import cached_property
from numbers import Integral, Real

MOST_FRAMES = 200

# It shows the sliders, dead without it, and joins the parts of the frame that they stand for: those
# of the picture shown first, and the others.
SCRIPT = """{
const [sliders, image, data] = document.currentScript.parentElement.children;
const {texts, alts, others, frames} = JSON.parse(data.textContent);
const shown = decodeURIComponent(image.src.slice("data:image/svg+xml,".length)).split("\\n");
const parts = [...new Set(shown), ...others];
sliders.addEventListener("input", () => {
  let frame = 0;
  sliders.querySelectorAll("input").forEach((slider, i) => {
    const text = texts[i][slider.value];
    frame = frame * texts[i].length + Number(slider.value);
    slider.setAttribute("aria-valuetext", text);
    slider.parentElement.nextElementSibling.value = text;
  });
  image.alt = alts[frame];
  const svg = frames[frame].map((n) => parts[n]).join("");
  image.src = "data:image/svg+xml," + encodeURIComponent(svg);
});
sliders.hidden = false;
}"""


class Sliders:
    """A figure with sliders, which works with and without a running kernel.

    As the last value of a notebook cell it is displayed in two forms. The page has a picture for
    each combination of values, of which the sliders choose one; they are drawn once, when it is
    first displayed. Live Jupyter, if ipywidgets is installed, draws anew for every value between
    the smallest and the largest; strings, and integers that are not consecutive, keep to the
    values given.

    The environment variable ``DLUTILS_SLIDERS=page`` leaves the live form out: a stored notebook
    that is opened again has no kernel that knows it.

    Parameters
    ----------
    plot : function
        ``plot(*values)`` takes a value of each control and draws them on a new matplotlib figure;
        it returns the figure or its axes, as the functions of ``dlutils.plotting`` do.
    controls : dict
        For the name of each slider its values, at least two numbers or strings. The product of
        their counts, the number of frames, is at most 200; a frame takes about a tenth of a
        second.
    alt : function
        ``alt(*values)`` returns the text that says what is seen in that frame.
    start : dict, optional
        The value at which a slider starts, by name; the others start at their first.

    Raises
    ------
    ValueError
        If there is no control, one has fewer than two values, there are more than 200 frames, or
        a start is not among the values. When it is displayed: if an alt text is empty, or `plot`
        returns no new figure. What `plot` and `alt` themselves raise comes then, too.

    Examples
    --------
    >>> from dlutils import plotting
    >>> def plot(slope):
    ...     return plotting.plot_lines([0, 1], {"line": [0, slope]})
    >>> Sliders(plot, {"slope": [-1, 0, 1]}, alt=lambda slope: f"A line of slope {slope}.")
    Sliders: 3 frames by slope
    """

    def __init__(self, plot, controls, *, alt, start=None):
        for name, function in (("plot", plot), ("alt", alt)):
            if not callable(function):
                raise ValueError(f"{name}: {function!r}, wanted a function of the values")
        for name, value in (("controls", controls), ("start", start or {})):
            if not isinstance(value, dict):
                raise ValueError(f"{name}: {value!r}, wanted a dict by the names of the sliders")
        for name, values in controls.items():
            if not isinstance(values, Iterable):
                raise ValueError(f"controls[{name!r}]: {values!r}, wanted at least 2 values")
        self.plot, self.alt = plot, alt
        self.controls = {name: list(values) for name, values in controls.items()}
        for name, values in self.controls.items():
            if len(values) < 2:
                raise ValueError(f"controls[{name!r}]: {values!r}, wanted at least 2 values")
        self.frames = math.prod(map(len, self.controls.values()))
        if not self.controls or self.frames > MOST_FRAMES:
            seen = f"{len(self.controls)} sliders, {self.frames} frames"
            raise ValueError(f"controls: {seen}, wanted at least 1 and at most {MOST_FRAMES}")
        self.start = {name: values[0] for name, values in self.controls.items()} | (start or {})
        for name, value in self.start.items():
            if value not in self.controls.get(name, []):
                wanted = f"one of the values {self.controls.get(name, 'of a slider')}"
                raise ValueError(f"start[{name!r}]: {value!r}, wanted {wanted}")

    def __repr__(self):
        return f"Sliders: {self.frames} frames by {' and '.join(self.controls)}"

    def _repr_mimebundle_(self, include=None, exclude=None):
        bundle = {"text/plain": repr(self), "text/html": self._page}
        if os.environ.get("DLUTILS_SLIDERS") != "page":
            try:
                bundle = self._live()._repr_mimebundle_() | bundle
            except ImportError:  # no ipywidgets: the page's form works everywhere
                pass
        return bundle

    @cached_property
    def _page(self):
        """The sliders, the first picture, all frames and the script, as HTML."""
        combinations = list(itertools.product(*self.controls.values()))
        start = combinations.index(tuple(self.start.values()))
        svgs, alts = self._svgs(combinations), [self._alt(values) for values in combinations]
        # What frames share, such as the axes, is stored once.
        parts = {line: n for n, line in enumerate(dict.fromkeys(svgs[start].split("\n")))}
        others = len(parts)
        frames = [[parts.setdefault(line, len(parts)) for line in svg.split("\n")] for svg in svgs]
        texts = [[_text(value) for value in values] for values in self.controls.values()]
        data = {"texts": texts, "alts": alts, "others": list(parts)[others:], "frames": frames}
        data = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
        data = re.sub("<(?=[!/])", r"\\u003c", data)  # no text in it may end the script
        sliders = "".join(map(self._slider, self.controls))
        return (
            f'<div class="sliders">\n<div hidden>{sliders}</div>\n'
            f"{_image(svgs[start], alts[start])}\n"
            f'<script type="application/json">{data}</script>\n<script>{SCRIPT}</script>\n</div>'
        )

    def _slider(self, name):
        values, start = self.controls[name], self.start[name]
        text = html.escape(_text(start))
        return (
            f'<div><label>{html.escape(name)} <input type="range" max="{len(values) - 1}" '
            f'value="{values.index(start)}" aria-valuetext="{text}" autocomplete="off" '
            'style="width: 11em; max-width: 100%; height: 1.5em; vertical-align: middle"></label> '
            f'<output aria-live="off">{text}</output></div>'
        )

    def _alt(self, values):
        alt = self.alt(*values)
        if not isinstance(alt, str) or not alt.strip():
            raise ValueError(f"alt: {alt!r} for {values}, wanted a text that says what is seen")
        return alt

    def _svgs(self, combinations):
        """Return an SVG for each combination of values, all cut to the same size."""
        import matplotlib.pyplot as plt
        from matplotlib.transforms import Bbox

        before, figures = set(plt.get_fignums()), []
        with plt.rc_context({"figure.max_open_warning": 0}):
            try:
                for values in combinations:
                    figures.append(getattr(self.plot(*values), "figure", None))
                if None in figures:
                    raise ValueError("plot: returned no figure, wanted matplotlib Axes or Figure")
                if len(set(figures)) < len(figures):
                    raise ValueError("plot: drew two frames on one figure, wanted a new one each")
                box = Bbox.union([figure.get_tightbbox() for figure in figures]).padded(0.1)
                return [_svg(figure, box) for figure in figures]
            finally:
                for number in set(plt.get_fignums()) - before:  # also of a plot that failed
                    plt.close(number)

    def _live(self):
        """Return the sliders and the picture as widgets, which draw anew at every change."""
        import ipywidgets

        starts = self.start
        sliders = [_widget(name, values, starts[name]) for name, values in self.controls.items()]
        picture = ipywidgets.HTML()

        def draw(change=None):
            values = tuple(slider.value for slider in sliders)
            picture.value = _image(*self._svgs([values]), self._alt(values))

        for slider in sliders:
            slider.observe(draw, "value")
        draw()
        return ipywidgets.VBox([*sliders, picture])


def _svg(figure, box):
    """Return a figure as SVG, one element on each line: the same on every run, and short."""
    import matplotlib.pyplot as plt

    nothing = dict.fromkeys(["Date", "Creator", "Format", "Type"])
    with plt.rc_context({"svg.hashsalt": "deep learning, worked out"}):
        figure.savefig(file := io.StringIO(), format="svg", bbox_inches=box, metadata=nothing)
    return _short(file.getvalue())


def _short(svg):
    """Return matplotlib's SVG with one element on each line and without what no reader sees."""
    svg = re.sub(r"(?s)<!--.*?-->|<metadata>.*?</metadata>|\s+", " ", svg[svg.index("<svg") :])
    svg = re.sub(r' d="[^"]*"', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]), svg)
    return svg.replace("> <", ">\n<")  # a path needs no more than a hundredth of a point


def _image(svg, alt):
    return (
        f'<img src="data:image/svg+xml,{urllib.parse.quote(svg)}" alt="{html.escape(alt)}" '
        'style="max-width: 100%; height: auto">'
    )


def _text(value):
    """Return a value as it is read: a number short and with a true minus sign."""
    return f"{value:g}".replace("-", "\N{MINUS SIGN}") if isinstance(value, Real) else str(value)


def _widget(name, values, start):
    """Return a slider over the range of numbers, or over the values if these have no range."""
    import ipywidgets

    integers = all(isinstance(value, Integral) for value in values)
    gaps = integers and int(max(values)) - int(min(values)) >= len(set(values))
    if gaps or not all(isinstance(value, Real) for value in values):
        return ipywidgets.SelectionSlider(options=values, value=start, description=name)
    low, high = float(min(values)), float(max(values))
    if integers:
        return ipywidgets.IntSlider(int(start), int(low), int(high), description=name)
    if low > 0 and high >= 100 * low:
        ends = {"min": math.log10(low), "max": math.log10(high)}
        return ipywidgets.FloatLogSlider(start, **ends, step=0.01, description=name)
    step = (high - low) / 200
    return ipywidgets.FloatSlider(start, min=low, max=high, step=step, description=name)
