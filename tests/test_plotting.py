"""Plots: the numbers they show are the numbers they were given, and bad input is refused."""

import io
import itertools
from types import SimpleNamespace

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.patches import PathPatch

from dlutils import MLP, Fit, HalfSquaredError, History, Sigmoid, plotting

NET = MLP([2, 2, 1], hidden=Sigmoid(), output=Sigmoid())
PARAMS = NET.parameters(W1=[[0.2, 0.4], [0.3, 0.7]], b1=[0.1, 0.2], W2=[[0.5, 0.6]], b2=[0.3])
TRACE = NET.forward(PARAMS, [0.5, 0.8])
GRADIENTS = NET.backward(PARAMS, TRACE, HalfSquaredError().gradient(TRACE.output, [1.0]))


@pytest.fixture(autouse=True)
def _closed_figures():
    yield
    plt.close("all")


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_network_without_numbers_shows_names():
    shown = texts(plotting.plot_network(PARAMS))
    assert {"$W^{1}_{12}$", "$W^{2}_{11}$", "$x_2$", "$b^2_1$", "$z^1_1$\n$a^1_1$"} <= set(shown)


def test_network_shows_every_number_in_its_place_and_color():
    ax = plotting.plot_network(PARAMS, TRACE, GRADIENTS, digits=4)
    color = {text.get_text(): text.get_color() for text in ax.texts}
    forward = ["0.2", "0.4", "0.3", "0.7", "0.5", "0.6", "b 0.1", "b 0.2", "b 0.3"]
    forward += ["z 0.5200\na 0.6271", "z 0.9100\na 0.7130", "z 1.0414\na 0.7391"]
    forward += ["$x_1$\n0.5", "$x_2$\n0.8"]
    backward = ["∂ −0.0029", "∂ −0.0047", "∂ −0.0031", "∂ −0.0049", "∂ −0.0315", "∂ −0.0359"]
    backward += ["δ −0.0059", "δ −0.0062", "δ −0.0503"]
    for label in forward:
        assert color[label] == plotting.FORWARD
    for label in backward:
        assert color[label] == plotting.GRADIENT


def test_network_labels_do_not_cover_each_other():
    ax = plotting.plot_network(PARAMS, TRACE, GRADIENTS, digits=4)
    ax.figure.canvas.draw()
    boxes = [text.get_window_extent().shrunk(0.98, 0.9) for text in ax.texts if text.get_text()]
    legend = ax.get_legend().get_window_extent()
    for i, box in enumerate(boxes):
        assert not box.overlaps(legend)
        assert not any(box.overlaps(other) for other in boxes[:i])


def new(ax):
    """Return the thick rings and the bold texts: what a step brings."""
    rings = sum(patch.get_linewidth() == 4 for patch in ax.patches)
    return rings, [text.get_text() for text in ax.texts if text.get_weight() == "bold"]


def test_network_step_by_step_adds_the_numbers_in_their_order():
    drawn = [plotting.plot_network(PARAMS, TRACE, GRADIENTS, digits=4, step=n) for n in range(10)]
    whole = set(texts(plotting.plot_network(PARAMS, TRACE, GRADIENTS, digits=4)))
    missing = [len(whole - set(texts(ax))) for ax in drawn]
    assert missing == [12, 12, 10, 10, 9, 9, 8, 6, 4, 0]
    assert [new(ax)[0] for ax in drawn] == [2, 2, 2, 1, 1, 0, 0, 0, 0, 0]
    assert [len(new(ax)[1]) for ax in drawn] == [0, 0, 0, 0, 0, 0, 1, 2, 2, 4]
    assert {"z 0.5200\na ?", "z ?\na ?"} <= set(texts(drawn[1]))
    assert new(drawn[6])[1] == ["δ −0.0503"] and new(drawn[7])[1] == ["∂ −0.0315", "∂ −0.0359"]


def test_steps_of_the_forward_pass_need_no_gradients():
    drawn = [plotting.plot_network(PARAMS, TRACE, digits=4, step=n) for n in range(6)]
    whole = set(texts(plotting.plot_network(PARAMS, TRACE, digits=4)))
    assert [len(whole - set(texts(ax))) for ax in drawn] == [3, 3, 1, 1, 0, 0]
    assert [new(ax)[0] for ax in drawn] == [2, 2, 2, 1, 1, 0]


def test_network_of_three_layers_has_fourteen_steps():
    deep = MLP([1, 1, 1, 1])
    params = deep.init(np.random.default_rng(0))
    trace = deep.forward(params, [1.0])
    gradients = deep.backward(params, trace, [1.0])
    assert new(plotting.plot_network(params, trace, gradients, step=6))[0] == 1
    backward = [new(plotting.plot_network(params, trace, gradients, step=n))[1] for n in range(14)]
    assert [text[:1] for (text,) in backward[8:]] == ["δ", "∂"] * 3 and not any(backward[:8])
    with pytest.raises(ValueError, match="step: 14, wanted one of 0 to 13"):
        plotting.plot_network(params, trace, gradients, step=14)


def test_lines_carry_the_data_and_differ_in_style():
    x = np.linspace(0, 1, 5)
    ax = plotting.plot_lines(x, {"x": x, "2x": 2 * x}, xlabel="t", ylabel="y", log="y")
    assert [line.get_ydata().tolist() for line in ax.lines] == [x.tolist(), (2 * x).tolist()]
    assert len({line.get_linestyle() for line in ax.lines}) == 2
    assert (ax.get_xlabel(), ax.get_yscale(), ax.get_xscale()) == ("t", "log", "linear")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["x", "2x"]


def test_points_are_drawn_on_the_axes_given_with_their_labels():
    ax = plotting.plot_lines(np.arange(3), {"y": np.arange(3)})
    assert plotting.plot_points([1, 2], [1, 2], ["a", "b"], ax=ax) is ax
    assert texts(ax) == ["a", "b"] and ax.lines[-1].get_xdata().tolist() == [1, 2]


def contrast(one, other):
    def luminance(color):
        rgb = np.array(matplotlib.colors.to_rgb(color))
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


def history(loss, validation_loss=()):
    return SimpleNamespace(loss=loss, validation_loss=validation_loss)


def test_history_shows_both_losses_over_epochs_from_1():
    ax = plotting.plot_history(history([3.0, 2.0, 1.0], [4.0, 2.5, 2.0]), log="y")
    assert [line.get_xdata().tolist() for line in ax.lines] == [[1, 2, 3]] * 2
    assert [line.get_ydata().tolist() for line in ax.lines] == [[3, 2, 1], [4, 2.5, 2]]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["training", "validation"]
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_yscale()) == ("epoch", "loss", "log")
    assert set(ax.get_xticks() % 1) == {0}


def test_history_without_validation_is_one_line_on_the_axes_given():
    _, ax = plt.subplots()
    assert plotting.plot_history(history([3.0, 2.0]), log="x", ax=ax) is ax
    assert len(ax.lines) == 1 and ax.get_legend() is None and ax.get_xscale() == "log"


POINTS = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 2.0], [4.0, 2.0]])


def right_half(points):
    return np.where(points[:, 0] > 3, 1, -1)


def test_boundary_colors_the_plane_as_predicted():
    ax = plotting.plot_boundary(right_half, POINTS, [-1, 1, -1, 1])
    (image,) = ax.images
    np.testing.assert_allclose(image.get_extent(), [-0.4, 4.4, -0.4, 2.4])
    regions = image.get_array()
    x1 = np.linspace(-0.4, 4.4, 200)
    assert (regions == np.where(x1 > 3, 1, 0)).all() and regions.shape == (200, 200)
    above = plotting.plot_boundary(lambda p: p[:, 1] > 1, POINTS, [0, 0, 1, 1]).images[0]
    assert (above.get_array()[0] == 0).all() and (above.get_array()[-1] == 1).all()
    assert above.origin == "lower" and above.get_clim() == (0, 3)
    assert ax.get_xlabel() == "$x_1$" and ax.get_ylabel() == "$x_2$"


def test_boundary_marks_each_class_in_the_color_of_its_region():
    y = np.array([7, 2, 7, 5])
    ax = plotting.plot_boundary(lambda p: np.full(len(p), 3), POINTS, y)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "class 2", "class 3", "class 5", "class 7",
    ]  # fmt: skip
    drawn = [line.get_xydata().tolist() for line in ax.lines]
    assert drawn == [POINTS[y == c].tolist() for c in (2, 3, 5, 7)]
    assert len({line.get_marker() for line in ax.lines}) == 4
    assert (ax.images[0].get_array() == 1).all()
    for k, line in enumerate(ax.lines):
        region = ax.images[0].to_rgba(np.array([[k]]))[0, 0, :3]
        own = np.array(matplotlib.colors.to_rgb(line.get_color()))
        np.testing.assert_allclose(region, 1 - 0.25 * (1 - own))


@pytest.mark.parametrize(("w", "b"), [((4, 4), -2), ((-8, 3), 1), ((0, 2), -1), ((0, 0), -4)])
def test_unit_shades_each_point_by_its_answer(w, b):
    ax = plotting.plot_unit(w, b, (0, 1), (-1, 2))
    bands = ax.collections[0]
    for point in np.random.default_rng(0).uniform((0, -1), (1, 2), (50, 2)):
        tenth = int(10 * Sigmoid()(point @ w + b))
        (found,) = [n for n, path in enumerate(bands.get_paths()) if path.contains_point(point)]
        assert found == tenth
    shades = bands.get_facecolor()
    assert (np.diff(shades[:, 0]) < 0).all()
    assert contrast(plotting.INK, shades[-1, :3]) >= 4.5


def test_unit_line_is_where_it_answers_one_half():
    line = plotting.plot_unit((4, 2), -3, (0, 1), (0, 1)).collections[1].get_paths()[0].vertices
    assert np.allclose(line @ (4, 2), 3, rtol=0, atol=1e-12)
    assert len(plotting.plot_unit((4, 2), 3, (0, 1), (0, 1)).collections) == 1  # no such place


def test_boundary_of_one_point_has_a_window_around_it():
    ax = plotting.plot_boundary(right_half, [[1, 2]], [1], ax=plt.subplots()[1])
    assert ax.images[0].get_extent() == [0, 2, 1, 3]


def bowl(theta):
    return theta[0] ** 2 + 5 * theta[1]


def test_contours_are_lines_of_equal_height_in_the_window():
    ax = plotting.plot_contours(bowl, (-2, 2), (-1, 3), levels=[1, 4])
    (contours,) = ax.collections
    assert contours.levels.tolist() == [1, 4]
    for level, path in zip(contours.levels, contours.get_paths(), strict=True):
        assert path.vertices[:, 0].min() == -2 and path.vertices[:, 0].max() == 2
        for vertex in path.vertices:
            assert bowl(vertex) == pytest.approx(level, abs=0.01)
    assert (ax.get_xlim(), ax.get_ylim()) == ((-2, 2), (-1, 3)) and ax.get_legend() is None
    assert {"1", "4"} <= set(texts(ax))
    assert (ax.get_xlabel(), ax.get_ylabel()) == (r"$\theta_1$", r"$\theta_2$")


def test_number_of_contours_may_be_asked_for():
    few, more = (
        plotting.plot_contours(bowl, (-2, 2), (-1, 3), **levels).collections[0].levels
        for levels in ({"levels": 3}, {})
    )
    assert len(few) < 8 < len(more)


def test_paths_start_at_a_ring_end_at_a_dot_and_may_diverge():
    paths = {"Adam": [[0, 0], [1, 1], [1, 2]], "wild": [[1, 0], [1e200, -1e200], [np.inf, np.nan]]}
    ax = plotting.plot_contours(bowl, (-2, 2), (-1, 3), paths, ax=plt.subplots()[1])
    way, ring, dot, wild, *_ = ax.lines
    assert way.get_xydata().tolist() == paths["Adam"] and way.get_linestyle() == "-"
    assert ring.get_xydata().tolist() == [[0, 0]] and ring.get_markerfacecolor() == "white"
    assert dot.get_xydata().tolist() == [[1, 2]] and dot.get_markerfacecolor() == dot.get_color()
    assert wild.get_linestyle() == "--" and wild.get_color() != way.get_color() == dot.get_color()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["Adam", "wild"]
    assert (ax.get_xlim(), ax.get_ylim()) == ((-2, 2), (-1, 3))
    ax.figure.savefig(io.BytesIO(), format="svg")  # and no warning


def test_images_stand_in_a_grid_pixel_by_pixel():
    X = np.arange(3 * 64.0).reshape(3, 64)
    ax = plotting.plot_images(X, ["a", "b", "c"], columns=2, ax=plt.subplots()[1])
    page = ax.images[0].get_array()
    assert page.shape == (24, 18)
    for n, (top, left) in enumerate([(0, 0), (0, 9), (12, 0)]):
        np.testing.assert_array_equal(page[top : top + 8, left : left + 8].ravel(), X[n])
    assert np.isfinite(page.filled(np.nan)).sum() == X.size
    places = {text.get_text(): text.get_position() for text in ax.texts}
    assert places == {"a": (3.5, 8), "b": (12.5, 8), "c": (3.5, 20)}
    assert ax.images[0].get_clim() == (0, 191) and not ax.axison


def test_images_without_titles_stand_close_ten_in_a_row():
    assert plotting.plot_images(np.ones((11, 4))).images[0].get_array().shape == (6, 30)
    assert plotting.plot_images(np.ones((2, 9))).images[0].get_array().shape == (4, 8)


def test_zero_is_white_in_images_with_and_without_negative_numbers():
    gray = plotting.plot_images([[0, 1, 2, 4]]).images[0]
    signed = plotting.plot_images([[0, -1, 2, -4]]).images[0]
    assert gray.to_rgba(0)[:3] == (1, 1, 1) and gray.get_clim() == (0, 4)
    np.testing.assert_allclose(signed.to_rgba(0)[:3], 1, atol=0.01)
    assert signed.get_clim() == (-4, 4)
    for image, value, color in (
        (gray, 4, plotting.INK),
        (signed, 4, plotting.FORWARD),
        (signed, -4, plotting.GRADIENT),
    ):
        np.testing.assert_allclose(image.to_rgba(value)[:3], matplotlib.colors.to_rgb(color))


def test_confusion_shows_every_count_at_its_row_and_column():
    matrix = [[5, 1, 0], [2, 6, 3], [0, 0, 1234567]]
    ax = plotting.plot_confusion(matrix, ax=plt.subplots()[1])
    shown = {text.get_position(): text.get_text() for text in ax.texts}
    assert shown == {(j, i): str(matrix[i][j]) for i in range(3) for j in range(3)}
    assert ax.images[0].get_array().tolist() == matrix
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["0", "1", "2"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")


def test_confusion_takes_labels_and_a_matrix_of_zeros():
    ax = plotting.plot_confusion([[0, 0], [0, 0]], ["cat", "dog"])
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["cat", "dog"]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["cat", "dog"]
    assert ax.images[0].to_rgba(0)[:3] == (1, 1, 1)


def test_counts_pass_aa_on_every_shade():
    ax = plotting.plot_confusion(np.arange(400).reshape(20, 20))
    for text in ax.texts:
        count = float(text.get_text())
        assert contrast(text.get_color(), ax.images[0].to_rgba(count)[:3]) >= 4.5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plotting.plot_network(3), "params: int, wanted Parameters"),
        (lambda: plotting.plot_network(PARAMS, gradients=GRADIENTS), "trace: None"),
        (lambda: plotting.plot_network(PARAMS, step=1), "step: 1, wanted .* with a trace"),
        (lambda: plotting.plot_network(PARAMS, TRACE, step=6), "step: 6, wanted one of 0 to 5"),
        (
            lambda: plotting.plot_network(PARAMS, NET.forward(PARAMS, np.ones((3, 2)))),
            "trace: a batch of 3",
        ),
        (
            lambda: plotting.plot_network(MLP([64, 2]).init(np.random.default_rng(0))),
            "wanted at most 6 units",
        ),
        (lambda: plotting.plot_lines([1, 2], {"y": [1, 2, 3]}), r"lines\['y'\]: shape \(3,\)"),
        (lambda: plotting.plot_lines([1], {c: [1] for c in "abcde"}), "lines: 5 of them"),
        (lambda: plotting.plot_lines([1], {"y": [1]}, log="z"), "log: 'z'"),
        (lambda: plotting.plot_points([1], [1, 2]), "labels: 1 for 1 x and 2 y"),
        (
            lambda: plotting.plot_history(Fit(PARAMS, (), History((0.1,)))),
            r"^history: Fit, wanted a History, such as fit\(…\).history$",
        ),
        (
            lambda: plotting.plot_history(SimpleNamespace(loss=[1.0])),
            "history: SimpleNamespace, wanted a History",
        ),
        (lambda: plotting.plot_history(history([])), "history.loss: no epoch"),
        (
            lambda: plotting.plot_history(history([1, 2], [1])),
            r"history.validation_loss: shape \(1,\), wanted \(2,\), one per epoch",
        ),
        (lambda: plotting.plot_history(history(["a"])), "history.loss: dtype"),
        (lambda: plotting.plot_history(history([1], ["a"])), "history.validation_loss: dtype"),
        (lambda: plotting.plot_history(history([1]), log="z"), "log: 'z'"),
        (lambda: plotting.plot_boundary(right_half, [1, 2], [1]), r"X: shape \(2,\), wanted \(N"),
        (lambda: plotting.plot_boundary(right_half, [[1, 2, 3]], [1]), r"X: shape \(1, 3\)"),
        (lambda: plotting.plot_boundary(right_half, np.ones((0, 2)), []), r"X: shape \(0, 2\)"),
        (lambda: plotting.plot_boundary(right_half, [[np.nan, 2]], [1]), "X: nan at index"),
        (lambda: plotting.plot_boundary(right_half, [[1, 2]], [np.nan]), "y: nan at index"),
        (lambda: plotting.plot_boundary(right_half, [[1, 2]], [1, 2]), r"y: shape \(2,\)"),
        (
            lambda: plotting.plot_boundary(lambda p: p, [[1, 2]], [1]),
            r"predict\(points\): shape \(40000, 2\), wanted \(40000,\)",
        ),
        (
            lambda: plotting.plot_boundary(lambda p: np.nan * p, [[1, 2]], [1]),
            r"predict\(points\): nan",
        ),
        (lambda: plotting.plot_boundary(right_half, POINTS, [2, 3, 4, 1]), "y: 5 classes"),
        (lambda: plotting.plot_unit([1], 0, (0, 1), (0, 1)), r"w: shape \(1,\), wanted \(2,\)"),
        (lambda: plotting.plot_unit([1, 2], [0], (0, 1), (0, 1)), r"b: shape \(1,\)"),
        (lambda: plotting.plot_unit([1, 2], 0, (0, 1), (1, 0)), r"y: \(1, 0\), wanted \(low"),
        (lambda: plotting.plot_contours(bowl, (1, 1), (0, 1)), r"x: \(1, 1\), wanted \(low"),
        (lambda: plotting.plot_contours(bowl, (0, 1), (2, 1)), r"y: \(2, 1\), wanted \(low"),
        (lambda: plotting.plot_contours(bowl, (0, 1, 2), (0, 1)), r"x: \(0, 1, 2\), wanted"),
        (lambda: plotting.plot_contours(bowl, (0, np.inf), (0, 1)), "x: inf at index"),
        (
            lambda: plotting.plot_contours(lambda theta: np.inf, (0, 1), (0, 1)),
            r"f\(theta\): inf at index",
        ),
        (
            lambda: plotting.plot_contours(lambda theta: theta, (0, 1), (0, 1)),
            r"f\(theta\): shape \(81, 81, 2\), wanted \(81, 81\), one number for each point",
        ),
        (
            lambda: plotting.plot_contours(bowl, (0, 1), (0, 1), {"a": [1, 2]}),
            r"paths\['a'\]: shape \(2,\), wanted \(T, 2\)",
        ),
        (
            lambda: plotting.plot_contours(bowl, (0, 1), (0, 1), {"a": [[1, 2, 3]]}),
            r"paths\['a'\]: shape \(1, 3\)",
        ),
        (
            lambda: plotting.plot_contours(bowl, (0, 1), (0, 1), {"a": np.ones((0, 2))}),
            r"paths\['a'\]: shape \(0, 2\)",
        ),
        (
            lambda: plotting.plot_contours(bowl, (0, 1), (0, 1), {c: [[1, 2]] for c in "abcde"}),
            "paths: 5 of them, wanted at most 4",
        ),
        (lambda: plotting.plot_panels([0, 1], {}), r"panels: \{\}, wanted a dict"),
        (
            lambda: plotting.plot_panels([0, 1], {"a": {"x": [0, 1]}, "b": {"y": [0, 1]}}),
            r"panels\['b'\]: lines \['y'\], wanted \['x'\]",
        ),
        (
            lambda: plotting.plot_panels([0, 1], {"a": {"x": [0, 1]}}, columns=0),
            "columns: 0, wanted",
        ),
        (lambda: plotting.plot_images(np.ones(64)), r"X: shape \(64,\), wanted \(N, side²\)"),
        (lambda: plotting.plot_images(np.ones((2, 63))), r"X: shape \(2, 63\)"),
        (lambda: plotting.plot_images(np.ones((0, 64))), r"X: shape \(0, 64\)"),
        (lambda: plotting.plot_images(np.ones((2, 0))), r"X: shape \(2, 0\)"),
        (lambda: plotting.plot_images([[np.inf]]), "X: inf at index"),
        (lambda: plotting.plot_images(np.ones((2, 4)), ["a"]), "titles: 1 of them, wanted 2"),
        (lambda: plotting.plot_images(np.ones((2, 4)), columns=0), "columns: 0, wanted"),
        (lambda: plotting.plot_confusion(3), r"matrix: shape \(\), wanted \(K, K\)"),
        (lambda: plotting.plot_confusion([]), r"matrix: shape \(0,\)"),
        (lambda: plotting.plot_confusion(np.ones((0, 0))), r"matrix: shape \(0, 0\)"),
        (lambda: plotting.plot_confusion([[1, 2]]), r"matrix: shape \(1, 2\)"),
        (lambda: plotting.plot_confusion([[-1]]), "matrix: -1 among the numbers, wanted counts"),
        (lambda: plotting.plot_confusion([[0.5]]), "matrix: 0.5 among the numbers"),
        (lambda: plotting.plot_confusion([[np.nan]]), "matrix: nan at index"),
        (lambda: plotting.plot_confusion([[1]], ["a", "b"]), "labels: 2 of them, wanted 1"),
    ],
)
def test_refuses_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_panels_share_their_axes_and_have_one_legend():
    x = np.linspace(-1, 1, 5)
    panels = {f"{k}x": {"value": k * x, "slope": np.full(5, k)} for k in range(1, 6)}
    axes = plotting.plot_panels(x, panels, xlabel="x", columns=3)
    assert [ax.get_title() for ax in axes] == list(panels)
    for k, ax in enumerate(axes, 1):
        value, slope = ax.lines[:2]
        assert (value.get_ydata() == k * x).all() and (slope.get_ydata() == k).all()
        assert ax.get_legend() is None and ax.get_ylim() == axes[0].get_ylim()
    assert [ax.get_xlabel() for ax in axes] == ["", "", "x", "x", "x"]
    assert [ax.xaxis.get_tick_params()["labelbottom"] for ax in axes] == [0, 0, 1, 1, 1]
    figure = axes[0].figure
    assert figure.axes == axes  # and no empty place
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["value", "slope"]


def test_one_line_a_panel_needs_no_legend():
    (ax,) = plotting.plot_panels([0, 1], {"up": {"value": [0, 1]}})
    assert ax.figure.legends == [] and ax.get_legend() is None


def test_computed_numbers_show_all_their_decimals_and_no_signed_zero():
    flat = NET.backward(PARAMS, TRACE, [1e-9])
    shown = texts(plotting.plot_network(PARAMS, TRACE, flat, digits=3))
    assert {"z 0.520\na 0.627", "δ 0.000", "∂ 0.000", "0.2", "b 0.1"} <= set(shown)
    assert not [text for text in shown if "−0.000" in text]


def test_book_style_draws_the_same_bytes_twice():
    def drawn():
        ax = plotting.plot_points([0, 1], [0, 1], ax=plotting.plot_lines([0, 1], {"y": [0, 1]}))
        ax.figure.savefig(svg := io.BytesIO(), format="svg", metadata={"Date": None})
        return svg.getvalue()

    with matplotlib.rc_context():
        plotting.use_book_style()
        assert drawn() == drawn()


def test_nerve_cell_stands_part_by_part_above_a_unit():
    _, given = plt.subplots(figsize=(6.4, 4.8))
    ax = plotting.plot_nerve_cell(ax=given)
    assert ax is given and not ax.axison
    place = {text.get_text(): text.get_position() for text in ax.texts if text.get_text()}
    pairs = [("synapse", "input 2"), ("dendrites", "weight 2"), ("cell body", "add up,\ncompare")]
    for above, below in [*pairs, ("cell body", "bias")]:
        assert place[above][1] > 2.5 > place[below][1]
        assert abs(place[above][0] - place[below][0]) < 1
    assert place["cell body"][0] < place["axon"][0] < place["output"][0]
    nerves = [patch.get_path().vertices for patch in ax.patches if isinstance(patch, PathPatch)]
    assert nerves and all(points[0, 0] < points[-1, 0] for points in nerves)  # left to right
    ax.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts if text.get_text()]
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])


@pytest.mark.parametrize("sizes", [(2, 2, 1), (2, 3, 2, 3), (3, 3), (3, 2, 4), (4, 3)])
def test_names_of_weights_stand_clear_of_each_other(sizes):
    params = MLP(sizes).init(np.random.default_rng(0))
    ax = plotting.plot_network(params)
    ax.figure.canvas.draw()
    names = [
        text.get_window_extent().padded(2) for text in ax.texts if text.get_text().startswith("$W")
    ]
    assert len(names) == sum(np.multiply(sizes[1:], sizes[:-1]))
    for one, other in itertools.combinations(names, 2):
        assert not one.overlaps(other)
