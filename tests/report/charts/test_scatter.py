import re
import xml.etree.ElementTree as ElementTree

from ntgbench.report.charts import Axis, Guide, Point, Way, scatter
from ntgbench.report.charts.svg import width_of

SVG = "{http://www.w3.org/2000/svg}"
X, Y = Axis("x", log=True), Axis("y")


def texts(points: list[Point]) -> dict[str, ElementTree.Element]:
    root = ElementTree.fromstring(scatter(points, X, Y, "about"))
    return {"".join(one.itertext()): one for one in root.iter(f"{SVG}text")}


def test_long_names_stay_in_the_drawing() -> None:
    found = texts([Point("a", 0.1, 0.5, front=True), Point("slow-" * 4, 10.0, 0.9, front=True)])
    one = found["slow-" * 4]
    assert 0 <= float(one.get("x", 0)) <= 400 - width_of("slow-" * 4, 10.0)


def test_names_without_room_are_numbers_that_the_legend_explains() -> None:
    names = [f"system-{i:02d}" for i in range(30)]
    text = scatter([Point(name, 1.0, 0.5) for name in names], X, Y, "about")
    root = ElementTree.fromstring(text)
    written = ["".join(one.itertext()) for one in root.iter(f"{SVG}text")]
    numbered = dict(text.split(" ")[::-1] for text in written if re.fullmatch(r"\d+ system-\d\d", text))
    assert [name for name in names if written.count(name) + (name in numbered) != 1] == []
    assert set(numbered.values()) <= set(written)
    assert len(set(numbered.values())) == len(numbered) > 10


def test_the_front_is_a_stepped_line() -> None:
    points = [Point("a", 1.0, 0.2, front=True), Point("b", 10.0, 0.8, front=True), Point("c", 10.0, 0.2)]
    found = re.findall(r'd="(M[\d. ]+(?:H[\d.]+V[\d.]+)+)"', scatter(points, X, Y, "about"))
    assert len([path for path in found if path.count("H") == 1 and path.count("V") == 1]) == 1
    assert "stroke-opacity" not in scatter([points[0], points[2]], X, Y, "about")


def test_intervals_and_guides_are_told() -> None:
    text = scatter([Point("a", 1.0, 0.5, up=(0.4, 0.6))], X, Y, "about", [Guide("floor", 2.0)])
    titles = [one.text for one in ElementTree.fromstring(text).iter(f"{SVG}title")]
    assert titles == ["floor: 2", "a\nx: 1\ny: 0.5 [0.4, 0.6]"]


def test_ways_join_the_points_that_are_there() -> None:
    points = [Point("a", 1.0, 0.2), Point("b", 10.0, 0.8), Point("c", -1.0, 0.5)]
    ways = [Way("all", ("a", "c", "b", "unknown")), Way("none", ("a", "c"))]
    root = ElementTree.fromstring(scatter(points, X, Y, "about", ways=ways))
    (line,) = [one for one in root.iter(f"{SVG}path") if "".join(one.itertext()) == "all"]
    assert line.get("d", "").count("L") == 1
    assert [one.text for one in root.iter(f"{SVG}text") if one.text == "one parameter changes"] != []
    assert "none" not in [one.text for one in root.iter(f"{SVG}title")]
