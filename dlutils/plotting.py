"""Figures of the book: each function draws ready numbers on one Axes and returns it."""

import sys

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Circle

from dlutils.network import Parameters

INK, QUIET = "#222222", "#8a8a8a"
FORWARD, GRADIENT = "#1b5e9e", "#b3470b"  # blue and orange: apart for color-blind readers
LINES = (FORWARD, GRADIENT, "#2a7a4b", "#7b3f99")
STYLES = ("-", "--", "-.", ":")  # lines differ in style too, so that gray print is enough


def use_book_style():
    """Draw figures in the book's look: in a notebook as SVG, the same bytes on every run."""
    if "IPython" in sys.modules and sys.modules["IPython"].get_ipython():
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        no_date = {"Date": None, "Creator": None}
        set_matplotlib_formats("svg", bbox_inches="tight", metadata=no_date)
    plt.rcParams.update(
        {
            "svg.hashsalt": "deep learning, worked out",
            "figure.figsize": (6.4, 3.6),
            "figure.facecolor": "white",
            "font.size": 11,
            "text.color": INK,
            "axes.edgecolor": QUIET,
            "axes.labelcolor": INK,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "xtick.color": INK,
            "ytick.color": INK,
            "legend.frameon": False,
            "lines.linewidth": 2,
        }
    )


def _axes(ax, **size):
    return plt.subplots(**size)[1] if ax is None else ax


def plot_lines(x, lines, *, xlabel="", ylabel="", log="", ax=None):
    """Draw one or more lines over the same x, each with its own color and dash.

    Parameters
    ----------
    x : array (n,)
    lines : dict
        An array (n,) for each label of the legend.
    xlabel, ylabel : str
    log : str
        The axes with a logarithmic scale: "", "x", "y" or "xy".
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If a line has another shape than x, there are more than four, or `log` is unknown.
    """
    ax, x = _axes(ax), np.asarray(x)
    if len(lines) > len(LINES):
        raise ValueError(f"lines: {len(lines)} of them, wanted at most {len(LINES)}")
    if log not in ("", "x", "y", "xy"):
        raise ValueError(f"log: {log!r}, wanted '', 'x', 'y' or 'xy'")
    for (label, y), color, style in zip(lines.items(), LINES, STYLES, strict=False):
        if np.shape(y) != x.shape:
            raise ValueError(f"lines[{label!r}]: shape {np.shape(y)}, wanted {x.shape}, that of x")
        ax.plot(x, y, style, color=color, label=label)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    if "x" in log:
        ax.set_xscale("log")
    if "y" in log:
        ax.set_yscale("log")
    if len(lines) > 1:
        ax.legend()
    return ax


def plot_points(x, y, labels=None, *, ax=None):
    """Mark points on a figure, each with its label beside it.

    Parameters
    ----------
    x, y : arrays (n,)
    labels : list of n strings, optional
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If x, y and labels differ in length.
    """
    labels = [""] * len(x) if labels is None else labels
    if not len(x) == len(y) == len(labels):
        raise ValueError(f"labels: {len(labels)} for {len(x)} x and {len(y)} y, wanted as many")
    ax = _axes(ax)
    ax.plot(x, y, "o", color=INK, markersize=6, zorder=5)
    for px, py, label in zip(x, y, labels, strict=True):
        ax.annotate(label, (px, py), (8, -4), textcoords="offset points", va="top")
    return ax


def plot_network(params, trace=None, gradients=None, *, digits=3, ax=None):
    """Draw a network as circles and arrows, with its numbers written on them.

    Without a trace, the nodes and edges carry their names. With one, they carry numbers: z and a
    in the nodes, weights on the edges. With gradients, ∂C/∂w and δ = ∂C/∂z stand beneath, in the
    gradient color and behind a ∂ or δ, so that color is never the only difference.

    Parameters
    ----------
    params : Parameters of an MLP
    trace : Trace of one example, optional
    gradients : Gradients of one example, optional
        Needs a trace.
    digits : int
        Decimals shown; given numbers show fewer where they have fewer.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If the trace is a batch, gradients come without a trace, or a layer has over six units.
    """
    if not isinstance(params, Parameters):
        raise ValueError(f"params: {type(params).__name__}, wanted Parameters")
    sizes = [params.W[1].shape[1], *(len(b) for b in params.b)]
    if max(sizes) > 6:
        raise ValueError(f"params: layers of sizes {sizes}, wanted at most 6 units a layer to draw")
    if gradients is not None and trace is None:
        raise ValueError("trace: None, wanted the trace that the gradients belong to")
    if trace is not None and trace.output.ndim != 1:
        raise ValueError(f"trace: a batch of {len(trace.output)}, wanted one example")
    ax = _axes(ax, figsize=(2.3 * len(sizes), 2 * max(sizes)))
    place = [[(3.5 * l, 2.7 * ((n - 1) / 2 - i)) for i in range(n)] for l, n in enumerate(sizes)]
    for l in range(1, len(sizes)):
        for i, j in np.ndindex(params.W[l].shape):
            name = rf"$W^{{{l}}}_{{{i + 1}{j + 1}}}$"
            forward = _given(params.W[l][i, j], digits) if trace else name
            backward = f"∂ {_computed(gradients.W[l][i, j], digits)}" if gradients else ""
            _draw_edge(ax, place[l - 1][j], place[l][i], forward, backward)
    for l, layer in enumerate(place):
        for i, center in enumerate(layer):
            inside, below = _unit_labels(params, trace, l, i, digits)
            backward = f"δ {_computed(gradients.delta[l][i], digits)}" if gradients and l else ""
            _draw_unit(ax, center, inside, below, backward)
    edge = 1.35 * (max(sizes) - 1)
    ax.set(aspect="equal", xlim=(-0.7, 3.5 * len(sizes) - 2.8))
    ax.set_ylim(-edge - (1.5 if gradients else 1.15), edge + 0.7)
    ax.axis("off")
    if gradients:
        kinds = [Line2D([], [], color=FORWARD), Line2D([], [], color=GRADIENT)]
        meaning = ["forward", "backward: ∂C/∂w on the edges, δ at the units"]
        ax.legend(kinds, meaning, loc="upper center", bbox_to_anchor=(0.5, 0.02), ncols=2)
    return ax


def _given(value, digits):
    """Write a given number with as many decimals as it has, at most `digits`."""
    return np.format_float_positional(value, digits, trim="-").replace("-", "\N{MINUS SIGN}")


def _computed(value, digits):
    """Write a computed number with all its decimals, and never a zero with a sign."""
    return f"{value:z.{digits}f}".replace("-", "\N{MINUS SIGN}")


def _unit_labels(params, trace, l, i, digits):
    """Return what stands inside a unit's circle, and its bias, which stands below."""
    if trace is None:
        if l == 0:
            return rf"$x_{i + 1}$", ""
        return rf"$z^{l}_{i + 1}$" + "\n" + rf"$a^{l}_{i + 1}$", rf"$b^{l}_{i + 1}$"
    if l == 0:
        return f"$x_{i + 1}$\n{_given(trace.a[0][i], digits)}", ""
    z, a = _computed(trace.z[l][i], digits), _computed(trace.a[l][i], digits)
    return f"z {z}\na {a}", f"b {_given(params.b[l][i], digits)}"


def _draw_edge(ax, start, end, forward, backward):
    ax.plot(*zip(start, end, strict=True), color=QUIET, linewidth=1, zorder=1)
    x, y = np.add(start, 0.38 * np.subtract(end, start))
    paper = {"facecolor": "white", "edgecolor": "none", "pad": 1}
    ax.text(x, y, forward, color=FORWARD, ha="center", va="center", bbox=paper, fontsize=11)
    if backward:
        ax.annotate(
            backward, (x, y), (0, -7), textcoords="offset points", ha="center", va="top",
            color=GRADIENT, fontsize=11, bbox=paper,
        )  # fmt: skip


def _draw_unit(ax, center, inside, below, backward):
    outline = {"facecolor": "white", "edgecolor": FORWARD, "linewidth": 1.5}
    ax.add_patch(Circle(center, 0.62, zorder=2, **outline))
    ax.text(*center, inside, color=FORWARD, ha="center", va="center", fontsize=11, zorder=3)
    for line, (text, color) in enumerate([(below, FORWARD), (backward, GRADIENT)]):
        ax.text(
            center[0], center[1] - 0.7 - 0.3 * line, text,
            color=color, ha="center", va="top", fontsize=11, zorder=3,
        )  # fmt: skip
