"""A chart as an image that stands alone."""

import base64
from xml.etree import ElementTree

from s1.report.axes import linear_axis
from s1.report.charts import Chart, Mark, Series
from s1.report.image import as_data_url, draw_image

CHART = Chart(
    title="a <b> & c",
    description="two points",
    x=linear_axis([0.0, 1.0], "x"),
    y=linear_axis([0.0, 1.0], "y"),
    series=(Series("series-tuned", (Mark(0.0, 0.2), Mark(1.0, 0.6))),),
)


def test_the_image_is_a_whole_svg_document_with_its_own_colours() -> None:
    root = ElementTree.fromstring(draw_image(CHART))
    space = "{http://www.w3.org/2000/svg}"
    assert root.tag == f"{space}svg"
    assert root.findtext(f"{space}title") == "a <b> & c"
    assert "--tuned" in (root.findtext(f"{space}style") or "")
    assert (root.get("width"), root.get("height")) == ("760", "380")


def test_the_address_holds_the_image() -> None:
    kind, data = as_data_url("<svg/>").split(",")
    assert kind == "data:image/svg+xml;base64"
    assert base64.b64decode(data) == b"<svg/>"
