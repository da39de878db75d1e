from hypothesis import given
from hypothesis import strategies as st

from volano.web.pages.graph_layout import HIGH, WIDE, draw

nodes = st.integers(1, 9)


@given(st.data(), nodes)
def test_no_two_nodes_overlap_and_every_edge_has_a_path(data, count):
    names = list(range(count))
    edges = data.draw(
        st.lists(st.tuples(st.sampled_from(names), st.sampled_from(names)), unique=True)
    )
    drawing = draw(names, edges)
    assert set(drawing.at) == set(names)
    assert set(drawing.paths) == set(edges)
    for a in names:
        for b in names[:a]:
            (x1, y1), (x2, y2) = drawing.at[a], drawing.at[b]
            assert abs(x1 - x2) >= WIDE or abs(y1 - y2) >= HIGH
    assert all(x >= 0 and x + WIDE <= drawing.width + 1 for x, _ in drawing.at.values())


def test_who_is_called_stands_below():
    at = draw(["a", "b", "c"], [("a", "b"), ("b", "c"), ("c", "a")]).at
    assert at["a"][1] < at["b"][1] < at["c"][1]
