"""Plots: the numbers they show are the numbers they were given, and bad input is refused."""

import io

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest

from dlutils import MLP, HalfSquaredError, Sigmoid, plotting

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


def test_colors_pass_aa_on_white():
    def luminance(color):
        rgb = np.array(matplotlib.colors.to_rgb(color))
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    for color in (plotting.INK, *plotting.LINES):
        assert 1.05 / (luminance(color) + 0.05) >= 4.5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plotting.plot_network(3), "params: int, wanted Parameters"),
        (lambda: plotting.plot_network(PARAMS, gradients=GRADIENTS), "trace: None"),
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
    ],
)
def test_refuses_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


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
