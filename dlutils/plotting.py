"""Figures of the book: each function draws ready numbers on one Axes and returns it."""

import math
import sys

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LinearSegmentedColormap, ListedColormap, to_rgb
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, PathPatch
from matplotlib.path import Path

from dlutils._checks import finite_array, float_array, number, same_shape, whole
from dlutils.network import Gradients, Parameters, Trace

INK, QUIET = "#222222", "#8a8a8a"
FORWARD, GRADIENT = "#1b5e9e", "#b3470b"  # blue and orange: apart for color-blind readers
LINES = (FORWARD, GRADIENT, "#2d4a1e", "#b4789c")
STYLES = ("-", "--", "-.", ":")  # lines differ in style too, so that gray print is enough
MARKERS = ("o", "s", "^", "D")
INKED = LinearSegmentedColormap.from_list("inked", ["white", INK])
POSITIVE = LinearSegmentedColormap.from_list("positive", ["white", FORWARD])
SIGNED = LinearSegmentedColormap.from_list("signed", [GRADIENT, "white", FORWARD])


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


def _function(value, name):
    if not callable(value):
        raise ValueError(f"{name}: {value!r}, wanted a function")


def _few(lines, name):
    """Refuse what is not a dict of at most as many lines as there are styles."""
    if not isinstance(lines, dict):
        raise ValueError(f"{name}: {type(lines).__name__}, wanted a dict of arrays")
    if len(lines) > len(LINES):
        raise ValueError(f"{name}: {len(lines)} of them, wanted at most {len(LINES)}")


def _texts(texts, count, name, of):
    """Refuse what is not a list of so many texts."""
    seen = f"{len(texts)} of them" if hasattr(texts, "__len__") else repr(texts)
    if seen != f"{count} of them":
        raise ValueError(f"{name}: {seen}, wanted {count}, as many as {of}")


def _window(x, y):
    """Refuse ranges that are not a low and a higher number."""
    for name, ends in (("x", x), ("y", y)):
        if finite_array(ends, name).shape != (2,) or not ends[0] < ends[1]:
            raise ValueError(f"{name}: {ends!r}, wanted (low, high), low below high")


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

    Examples
    --------
    >>> ax = plot_lines([0, 1, 2], {"x": [0, 1, 2], "x²": [0, 1, 4]}, xlabel="x")
    >>> ax.get_xlabel(), len(ax.lines)
    ('x', 2)
    """
    x = float_array(x, "x")
    _few(lines, "lines")
    lines = {label: float_array(y, f"lines[{label!r}]") for label, y in lines.items()}
    for label, y in lines.items():
        same_shape(y, x.shape, f"lines[{label!r}]", "that of x")
    if not isinstance(log, str) or log not in ("", "x", "y", "xy"):
        raise ValueError(f"log: {log!r}, wanted '', 'x', 'y' or 'xy'")
    ax = _axes(ax)
    for (label, y), color, style in zip(lines.items(), LINES, STYLES, strict=False):
        ax.plot(x, y, style, color=color, label=label)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    if "x" in log:
        ax.set_xscale("log")
    if "y" in log:
        ax.set_yscale("log")
    if len(lines) > 1:
        ax.legend()
    return ax


def plot_panels(x, panels, *, xlabel="", columns=4):
    """Draw a small figure for each of several sets of lines, all with the same axes and one legend.

    Parameters
    ----------
    x : array (n,)
    panels : dict
        For the title of each panel its lines, as `plot_lines` takes them; all with the same labels.
    xlabel : str
    columns : int
        How many panels stand beside each other.

    Returns
    -------
    list of matplotlib Axes, one for each panel

    Raises
    ------
    ValueError
        If there is no panel, the labels of two differ, or `plot_lines` refuses the lines of one.

    Examples
    --------
    >>> axes = plot_panels([0, 1], {"up": {"line": [0, 1]}, "down": {"line": [1, 0]}})
    >>> [ax.get_title() for ax in axes]
    ['up', 'down']
    """
    if not isinstance(panels, dict) or not panels:
        raise ValueError(f"panels: {panels!r}, wanted a dict of lines by title, at least one")
    for title, lines in panels.items():
        _few(lines, f"panels[{title!r}]")
        if list(lines) != (labels := list(next(iter(panels.values())))):
            raise ValueError(f"panels[{title!r}]: lines {list(lines)}, wanted {labels}")
    columns = min(whole(columns, "columns", 1), len(panels))
    rows = -(-len(panels) // columns)
    size = (1.7 * columns, 1.5 * rows)
    figure, places = plt.subplots(
        rows, columns, sharex=True, sharey=True, squeeze=False, figsize=size, layout="constrained"
    )
    axes = list(places.flat[: len(panels)])
    for ax, (title, lines) in zip(axes, panels.items(), strict=True):
        plot_lines(x, lines, ax=ax)
        if len(lines) > 1:
            ax.get_legend().remove()
        ax.set_title(title, fontsize=10)
        ax.axhline(0, color=QUIET, linewidth=0.5, zorder=0)
        ax.tick_params(labelsize=9)
    for ax in axes[-columns:]:  # the last of each column
        ax.set_xlabel(xlabel)
        ax.tick_params(labelbottom=True)
    for place in places.flat[len(panels) :]:
        place.remove()
    if len(labels) > 1:
        handles = axes[0].get_legend_handles_labels()
        figure.legend(*handles, loc="outside upper left", ncols=len(labels))
    return axes


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

    Examples
    --------
    >>> ax = plot_points([0, 1], [2, 3], ["start", "end"])
    >>> [text.get_text() for text in ax.texts]
    ['start', 'end']
    """
    x, y = float_array(x, "x"), float_array(y, "y")
    if x.ndim != 1:
        raise ValueError(f"x: shape {x.shape}, wanted (n,)")
    labels = [""] * len(x) if labels is None else labels
    if not np.iterable(labels) or y.ndim != 1:
        raise ValueError(f"labels: {labels!r} for y of shape {y.shape}, wanted lists")
    if not len(x) == len(y) == len(labels):
        raise ValueError(f"labels: {len(labels)} for {len(x)} x and {len(y)} y, wanted as many")
    ax = _axes(ax)
    ax.plot(x, y, "o", color=INK, markersize=6, zorder=5)
    for px, py, label in zip(x, y, labels, strict=True):
        ax.annotate(label, (px, py), (8, -4), textcoords="offset points", va="top")
    return ax


def plot_history(history, *, log="", ax=None):
    """Draw the loss after each epoch, and that of the validation data if there is one.

    Parameters
    ----------
    history : History
        Or any object with the attributes `loss` and `validation_loss`, sequences of one number
        for each epoch; the second may be empty.
    log : str
        The axes with a logarithmic scale: "", "x", "y" or "xy".
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If it is no history, `loss` is empty or of another length than `validation_loss`, or `log`
        is unknown.

    Examples
    --------
    >>> from dlutils import History
    >>> ax = plot_history(History(loss=(0.9, 0.5, 0.3), validation_loss=(0.8, 0.6, 0.7)), log="y")
    >>> ax.get_xlabel(), len(ax.lines)
    ('epoch', 2)
    """
    if not hasattr(history, "loss") or not hasattr(history, "validation_loss"):
        seen = f"history: {type(history).__name__}"
        raise ValueError(f"{seen}, wanted a History, such as fit(…).history")
    epochs = np.arange(1, len(history.loss) + 1)
    if len(epochs) == 0:
        raise ValueError("history.loss: no epoch, wanted at least 1")
    lines = {"training": float_array(history.loss, "history.loss")}
    if len(history.validation_loss):
        lines["validation"] = float_array(history.validation_loss, "history.validation_loss")
        same_shape(lines["validation"], epochs.shape, "history.validation_loss", "one per epoch")
    ax = plot_lines(epochs, lines, xlabel="epoch", ylabel="loss", log=log, ax=ax)
    if "x" not in log:
        ax.locator_params(axis="x", integer=True)
    return ax


def plot_boundary(predict, X, y, *, ax=None):
    """Color the plane by the class that a classifier predicts there, and draw its points.

    Parameters
    ----------
    predict : function
        From points (n, 2) to their predicted classes (n,). Of a trained network it is
        ``lambda P: net.forward(params, P, state=state).output.argmax(axis=-1)``.
    X : array (N, 2)
    y : array (N,)
        The classes; with those predicted they are at most four.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If a shape is another one, X is not finite, or there are over four classes.

    Examples
    --------
    >>> from dlutils import MLP
    >>> net = MLP([2, 3, 2])
    >>> params = net.init(np.random.default_rng(0))
    >>> predict = lambda P: net.forward(params, P).output.argmax(axis=-1)
    >>> ax = plot_boundary(predict, X=[[0, 1], [1, 0], [1, 1]], y=[0, 1, 1])
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['class 0', 'class 1']
    """
    _function(predict, "predict")
    X, y = finite_array(X, "X"), finite_array(y, "y")
    if X.ndim != 2 or X.shape[1] != 2 or len(X) == 0:
        raise ValueError(f"X: shape {X.shape}, wanted (N, 2), N at least 1")
    same_shape(y, X.shape[:1], "y", "a class for each row of X")
    margin = 0.1 * np.ptp(X, axis=0).max() or 1
    (left, bottom), (right, top) = X.min(axis=0) - margin, X.max(axis=0) + margin
    x1, x2 = np.meshgrid(np.linspace(left, right, 200), np.linspace(bottom, top, 200))
    regions = finite_array(predict(np.column_stack([x1.ravel(), x2.ravel()])), "predict(points)")
    same_shape(regions, (x1.size,), "predict(points)", "a class for each point")
    classes = np.union1d(y, regions)
    if len(classes) > len(LINES):
        raise ValueError(f"y: {len(classes)} classes with those predicted, wanted at most 4")
    ax = _axes(ax)
    ax.imshow(
        np.searchsorted(classes, regions).reshape(x1.shape), origin="lower", aspect="auto",
        extent=(left, right, bottom, top), interpolation="none", vmin=0, vmax=len(LINES) - 1,
        cmap=ListedColormap([0.75 + 0.25 * np.array(to_rgb(color)) for color in LINES]),
    )  # fmt: skip
    for c, color, marker in zip(classes, LINES, MARKERS, strict=False):
        style = {"color": color, "markersize": 6, "markeredgecolor": "white"}
        ax.plot(*X[y == c].T, marker, label=f"class {c:g}", **style)
    ax.set(xlabel="$x_1$", ylabel="$x_2$")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(LINES))
    return ax


def plot_unit(w, b, x, y, *, ax=None):
    """Shade the plane by what a sigmoid unit with two inputs answers: the bluer, the nearer to 1.

    A line marks where it answers one half, that is, where w·x + b = 0.

    Parameters
    ----------
    w : array (2,)
    b : float
    x, y : pairs (low, high)
        The window: the ranges of the inputs x₁ and x₂.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If w is not two finite numbers, b not one, or a range not a low and a higher number.

    Examples
    --------
    >>> ax = plot_unit([4, 4], -4, (0, 1), (0, 1))
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('$x_1$', '$x_2$')
    """
    w, b = finite_array(w, "w"), number(b, "b")
    same_shape(w, (2,), "w", "a weight for each of two inputs")
    _window(x, y)
    tenths = np.arange(1, 10) / 10
    heights = np.log(tenths / (1 - tenths))  # where the sigmoid is a tenth, two tenths, …
    x1, x2 = np.meshgrid(x, y)  # the corners: between them z changes evenly
    z = w[0] * x1 + w[1] * x2 + b
    ax = _axes(ax, figsize=(4.8, 3.8))
    shades = POSITIVE(np.linspace(0, 0.55, 10))  # light enough for a label on each
    bands = ax.contourf(x1, x2, z, levels=heights, extend="both", colors=shades)
    bar = ax.figure.colorbar(bands, ax=ax, label="a", extendrect=True, extendfrac="auto")
    bar.set_ticks(heights, labels=[f"{tenth:g}" for tenth in tenths])
    if z.min() < 0 < z.max():
        ax.contour(x1, x2, z, levels=[0], colors=INK, linewidths=2)
    ax.set(xlabel="$x_1$", ylabel="$x_2$")
    return ax


def plot_contours(f, x, y, paths=None, *, levels=12, ax=None):
    """Draw a function of two variables as contour lines, and optimizers' paths over it.

    Parameters
    ----------
    f : function
        From a vector θ (2,) to one number.
    x, y : pairs (low, high)
        The window: the ranges of θ₁ and θ₂.
    paths : dict, optional
        For each label, the points (T, 2) of a path. It starts at a ring and ends at a dot; what
        lies outside the window, or is not finite, is not shown.
    levels : int or array
        How many contour lines, about; or the heights of all of them.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If a range is not a low and a higher number, f is not one finite number at some point of
        the window, or a path has another shape or there are more than four.

    Examples
    --------
    >>> path = [[1.5, 0.5], [0.75, 0.25], [0.375, 0.125]]
    >>> ax = plot_contours(lambda theta: theta @ theta, (-2, 2), (-1, 1), {"descent": path})
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['descent']
    """
    _function(f, "f")
    levels = finite_array(levels, "levels") if np.ndim(levels) else whole(levels, "levels", 1)
    _window(x, y)
    paths = {} if paths is None else paths
    _few(paths, "paths")
    grid = np.stack(np.meshgrid(np.linspace(*x, 81), np.linspace(*y, 81)), axis=-1)
    heights = finite_array([[f(theta) for theta in row] for row in grid], "f(theta)")
    same_shape(heights, grid.shape[:2], "f(theta)", "one number for each point")
    ax = _axes(ax)
    contours = ax.contour(
        grid[..., 0], grid[..., 1], heights, levels=levels, colors=QUIET, linewidths=1,
    )  # fmt: skip
    ax.clabel(contours, fontsize=8, colors=INK)
    for (label, path), color, style in zip(paths.items(), LINES, STYLES, strict=False):
        path = float_array(path, f"paths[{label!r}]")
        if path.ndim != 2 or path.shape[1] != 2 or len(path) == 0:
            raise ValueError(f"paths[{label!r}]: shape {path.shape}, wanted (T, 2), T at least 1")
        ax.plot(*path.T, style, color=color, label=label, marker=".", markersize=4)
        ax.plot(*path[0], "o", color=color, markersize=9, markerfacecolor="white")
        ax.plot(*path[-1], "o", color=color, markersize=7)
    ax.set(xlim=x, ylim=y, xlabel=r"$\theta_1$", ylabel=r"$\theta_2$")
    if paths:
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    return ax


def plot_images(X, titles=None, *, columns=10, ax=None):
    """Draw rows of numbers as square gray pictures in a grid, such as 64 numbers as 8 × 8 pixels.

    All pictures share one scale, from white at 0 to dark. If there are negative numbers, as in
    weights, 0 is still white, positive is blue and negative orange.

    Parameters
    ----------
    X : array (N, side²)
        The pixels of each picture, row by row.
    titles : list of N strings, optional
    columns : int
        How many pictures stand beside each other.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If the rows are no squares or not finite, titles are not N, or columns are below 1.

    Examples
    --------
    >>> ax = plot_images([[0, 1, 1, 0], [1, 0, 0, 1]], ["rising", "falling"])  # 2 × 2 pixels each
    >>> [text.get_text() for text in ax.texts]
    ['rising', 'falling']
    """
    X = finite_array(X, "X")
    side = math.isqrt(X.shape[-1]) if X.ndim == 2 else 0
    if X.ndim != 2 or X.size == 0 or side**2 != X.shape[-1]:
        raise ValueError(f"X: shape {X.shape}, wanted (N, side²), such as (N, 64), N at least 1")
    if titles is not None:
        _texts(titles, len(X), "titles", "rows of X")
    columns = min(whole(columns, "columns", 1), len(X))
    rows = -(-len(X) // columns)
    across, down = side + 1, side + (1 if titles is None else 4)  # a picture and the gap after it
    page = np.full((rows * down, columns * across), np.nan)
    corners = [(down * (n // columns), across * (n % columns)) for n in range(len(X))]
    for (top, left), picture in zip(corners, X, strict=True):
        page[top : top + side, left : left + side] = picture.reshape(side, side)
    ax = _axes(ax, figsize=(6.4, 6.4 * page.shape[0] / page.shape[1]))
    signed, limit = X.min() < 0, np.abs(X).max()
    cmap, low = (SIGNED, -limit) if signed else (INKED, 0)
    ax.imshow(page, cmap=cmap, vmin=low, vmax=limit, interpolation="none")
    for (top, left), title in zip(corners, titles or [""] * len(X), strict=True):
        ax.text(left + (side - 1) / 2, top + side, title, ha="center", va="top", fontsize=9)
    ax.axis("off")
    return ax


def plot_confusion(matrix, labels=None, *, ax=None):
    """Draw a confusion matrix: how many examples of each class were predicted to be of which.

    Parameters
    ----------
    matrix : array (K, K)
        Counts: a row for each true class, a column for each predicted one.
    labels : list of K strings, optional
        By default the numbers 0 to K − 1.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If the matrix is not square, holds another number than a count, or labels are not K.

    Examples
    --------
    >>> ax = plot_confusion([[5, 1], [2, 6]], ["cat", "dog"])
    >>> ax.get_xlabel(), [text.get_text() for text in ax.texts]
    ('predicted class', ['5', '1', '2', '6'])
    """
    matrix = finite_array(matrix, "matrix")
    K = len(matrix) if matrix.ndim else 0
    if K == 0 or matrix.shape != (K, K):
        raise ValueError(f"matrix: shape {matrix.shape}, wanted (K, K), K at least 1")
    if (bad := matrix[(matrix < 0) | (matrix % 1 != 0)]).size:
        raise ValueError(f"matrix: {bad[0]:g} among the numbers, wanted counts, integers from 0")
    labels = [str(k) for k in range(K)] if labels is None else labels
    _texts(labels, K, "labels", "classes")
    ax = _axes(ax, figsize=(1.5 + 0.45 * K, 1.5 + 0.45 * K))
    ax.imshow(matrix, cmap=POSITIVE, vmin=0, vmax=matrix.max(), interpolation="none")
    for (i, j), count in np.ndenumerate(matrix):
        color = "white" if count > 0.83 * matrix.max() else "black"  # contrast of 4.5 on any blue
        ax.text(j, i, f"{count:.0f}", ha="center", va="center", color=color, fontsize=10)
    ax.set_xticks(range(K), labels)
    ax.set_yticks(range(K), labels)
    ax.set(xlabel="predicted class", ylabel="true class")
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    return ax


def plot_network(params, trace=None, gradients=None, *, digits=3, step=None, ax=None):
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
    step : int, optional
        Show both passes only as far as this step, and mark its own numbers by a thick ring or
        in bold. In a network of L layers, 0 is the input, 1 to 2L are z and a of each layer, and
        2L + 1 is the cost, which is not drawn; then come δ and ∂C/∂w of each layer, from the last
        to the first, which need gradients.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If the trace is a batch, gradients come without a trace, a layer has over six units, or
        there is no such step.

    Examples
    --------
    >>> from dlutils import MLP
    >>> net = MLP([2, 1])
    >>> params = net.parameters(W1=[[0.2, -0.4]], b1=[0.1])
    >>> ax = plot_network(params, net.forward(params, [1.0, 0.5]))
    >>> [text.get_text() for text in ax.texts][:2]
    ['0.2', '−0.4']
    """
    if not isinstance(params, Parameters):
        raise ValueError(f"params: {type(params).__name__}, wanted Parameters")
    sizes = [params.W[1].shape[1], *(len(b) for b in params.b)]
    if max(sizes) > 6:
        raise ValueError(f"params: layers of sizes {sizes}, wanted at most 6 units a layer to draw")
    if gradients is not None and trace is None:
        raise ValueError("trace: None, wanted the trace that the gradients belong to")
    if not isinstance(trace, Trace | None):
        raise ValueError(f"trace: {type(trace).__name__}, wanted a Trace")
    if not isinstance(gradients, Gradients | None):
        raise ValueError(f"gradients: {type(gradients).__name__}, wanted Gradients")
    if gradients is not None and gradients.delta[1].ndim != 1:
        raise ValueError(f"gradients: a batch of {len(gradients.delta[1])}, wanted one example")
    whole(digits, "digits", 0)
    if trace is not None and trace.output.ndim != 1:
        raise ValueError(f"trace: a batch of {len(trace.output)}, wanted one example")
    L, now = len(sizes) - 1, math.inf
    if step is not None:
        now, last = whole(step, "step", 0), 2 * L + 1 if gradients is None else 4 * L + 1
        if trace is None or now > last:
            raise ValueError(f"step: {step}, wanted one of 0 to {last}, with a trace")
    ax = _axes(ax, figsize=(2.3 * len(sizes), 2 * max(sizes)))
    place = [[(3.5 * l, 2.7 * ((n - 1) / 2 - i)) for i in range(n)] for l, n in enumerate(sizes)]
    labels = []
    for l in range(1, len(sizes)):
        for i, j in np.ndindex(params.W[l].shape):
            labels.append(at := _clear_place(place[l - 1][j], place[l][i], labels))
            name = rf"$W^{{{l}}}_{{{i + 1}{j + 1}}}$"
            forward = _given(params.W[l][i, j], digits) if trace else name
            due = 4 * L + 3 - 2 * l
            backward = gradients and due <= now and _computed(gradients.W[l][i, j], digits)
            backward = f"∂ {backward}" if backward else ""
            _draw_edge(ax, place[l - 1][j], place[l][i], at, forward, backward, due == now)
    for l, layer in enumerate(place):
        for i, center in enumerate(layer):
            inside, below = _unit_labels(params, trace, l, i, digits, now)
            due = 4 * L + 2 - 2 * l
            backward = gradients and l and due <= now and _computed(gradients.delta[l][i], digits)
            backward = f"δ {backward}" if backward else ""
            _draw_unit(ax, center, inside, below, backward, now in (2 * l - 1, 2 * l), due == now)
    edge = 1.35 * (max(sizes) - 1)
    ax.set(aspect="equal", xlim=(-0.75, 3.5 * len(sizes) - 2.75))
    ax.set_ylim(-edge - (1.5 if gradients else 1.15), edge + 0.75)
    ax.axis("off")
    if gradients:
        kinds = [Line2D([], [], color=FORWARD), Line2D([], [], color=GRADIENT)]
        meaning = ["forward", "backward: ∂C/∂w on the edges, δ at the units"]
        ax.legend(kinds, meaning, loc="upper center", bbox_to_anchor=(0.5, 0.02), ncols=2)
    return ax


def plot_nerve_cell(*, ax=None):
    """Sketch a nerve cell and, below it, a unit, with corresponding parts in one column.

    Signals travel from left to right in both. The sketch is not to scale.

    Parameters
    ----------
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> ax = plot_nerve_cell()
    >>> [text.get_text() for text in ax.texts][:4]
    ['synapse', 'dendrites', 'cell body', 'axon']
    """
    ax = _axes(ax, figsize=(6.4, 4.8))
    # Other cells' axons, each ending in a synapse, and the dendrites that take up their signals.
    tips = [(1.5, 5.6), (1.2, 4.65), (1.2, 3.75), (1.6, 2.9)]
    forks = [(2.35, 5.0), (2.35, 3.5)]
    for n, (x, y) in enumerate(tips):
        _draw_nerve(ax, [(0, y + 0.25), (0.5, y + 0.3), (x - 0.6, y - 0.2), (x - 0.2, y)], QUIET, 2)
        ax.add_patch(Circle((x - 0.2, y), 0.11, color=QUIET))
        fork = forks[n // 2]
        _draw_nerve(ax, [(x, y), (x + 0.4, y), (1.9, fork[1]), fork], FORWARD, 2.5)
    for x, y in forks:
        _draw_nerve(ax, [(x, y), (2.7, y), (3.1, (y + 4.25) / 2), (3.7, 4.25)], FORWARD, 5)
    # The axon, which branches toward the cells that come next.
    _draw_nerve(ax, [(4.3, 4.25), (5.5, 4.65), (6.4, 3.85), (7.6, 4.25)], FORWARD, 3.5)
    for y in (5.0, 4.25, 3.5):
        _draw_nerve(ax, [(7.6, 4.25), (8.0, 4.25), (8.1, y), (8.75, y)], FORWARD, 2)
        ax.add_patch(Circle((8.8, y), 0.11, color=FORWARD))
    body = {"edgecolor": FORWARD, "linewidth": 1.5, "zorder": 2}
    ax.add_patch(Circle((3.9, 4.25), 0.66, facecolor=POSITIVE(0.25), **body))
    ax.add_patch(Circle((3.98, 4.3), 0.2, facecolor=POSITIVE(0.6), **body))
    names = {"synapse": (1.3, 5.9), "dendrites": (2.85, 5.3), "cell body": (3.9, 3.15)}
    for name, (x, y) in (names | {"axon": (6.0, 4.55)}).items():
        ax.text(x, y, name, ha="center", fontsize=11)
    # The unit.
    for n, y in enumerate((1.95, 1.05, 0.15), start=1):
        at = _clear_place((1.2, y), (3.9, 1.05), [])
        _draw_edge(ax, (1.2, y), (3.9, 1.05), at, f"weight {n}", "", False)
        ax.text(1.1, y, f"input {n}", ha="right", va="center", fontsize=11)
    ax.annotate("", (8.0, 1.05), (4.5, 1.05), arrowprops={"arrowstyle": "->", "color": FORWARD})
    ax.add_patch(Circle((3.9, 1.05), 0.66, facecolor="white", **body))
    ax.text(3.9, 1.05, "add up,\ncompare", ha="center", va="center", fontsize=9, zorder=3)
    ax.text(3.9, 0.25, "bias", ha="center", va="top", fontsize=11)
    ax.text(8.1, 1.05, "output", va="center", fontsize=11)
    ax.set(aspect="equal", xlim=(-0.1, 9.1), ylim=(-0.3, 6.5))
    ax.axis("off")
    return ax


def _given(value, digits):
    """Write a given number with as many decimals as it has, at most `digits`."""
    return np.format_float_positional(value, digits, trim="-").replace("-", "\N{MINUS SIGN}")


def _computed(value, digits):
    """Write a computed number with all its decimals, and never a zero with a sign."""
    return f"{value:z.{digits}f}".replace("-", "\N{MINUS SIGN}")


def _unit_labels(params, trace, l, i, digits, now):
    """Return what stands inside a unit's circle by this step, and its bias, which stands below."""
    if trace is None:
        if l == 0:
            return rf"$x_{i + 1}$", ""
        return rf"$z^{l}_{i + 1}$" + "\n" + rf"$a^{l}_{i + 1}$", rf"$b^{l}_{i + 1}$"
    if l == 0:
        return f"$x_{i + 1}$\n{_given(trace.a[0][i], digits)}", ""
    z = _computed(trace.z[l][i], digits) if 2 * l - 1 <= now else "?"
    a = _computed(trace.a[l][i], digits) if 2 * l <= now else "?"
    return f"z {z}\na {a}", f"b {_given(params.b[l][i], digits)}"


def _weight(bold):
    return "bold" if bold else "normal"


def _clear_place(start, end, labels):
    """Return where on a line its label stands clear of others, or the usual place."""
    places = [np.add(start, part * np.subtract(end, start)) for part in (0.385, 0.56, 0.25, 0.7)]
    apart = (0.8, 0.5)  # width and height of a label
    return next(
        (at for at in places if all((np.abs(at - label) > apart).any() for label in labels)),
        places[0],
    )


def _draw_edge(ax, start, end, at, forward, backward, bold):
    ax.plot(*zip(start, end, strict=True), color=QUIET, linewidth=1, zorder=1)
    x, y = at
    paper = {"facecolor": "white", "edgecolor": "none", "pad": 1}
    ax.text(x, y, forward, color=FORWARD, ha="center", va="center", bbox=paper, fontsize=11)
    if backward:
        ax.annotate(
            backward, (x, y), (0, -7), textcoords="offset points", ha="center", va="top",
            color=GRADIENT, fontsize=11, weight=_weight(bold), bbox=paper,
        )  # fmt: skip


def _draw_unit(ax, center, inside, below, backward, ring, bold):
    outline = {"facecolor": "white", "edgecolor": FORWARD, "linewidth": 4 if ring else 1.5}
    ax.add_patch(Circle(center, 0.66, zorder=2, **outline))
    style = {"ha": "center", "fontsize": 11, "zorder": 3}
    ax.text(*center, inside, color=FORWARD, va="center", **style)
    x, y = center
    ax.text(x, y - 0.78, below, color=FORWARD, va="top", **style)
    ax.text(x, y - 1.08, backward, color=GRADIENT, va="top", weight=_weight(bold), **style)


def _draw_nerve(ax, points, color, width):
    """Draw a smooth line from the first of four points to the last, bent toward the others."""
    curve = Path(points, [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4])
    line = {"edgecolor": color, "facecolor": "none", "linewidth": width, "capstyle": "round"}
    ax.add_patch(PathPatch(curve, **line))
