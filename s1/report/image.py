"""A chart as an image of its own: the report's drawing with the report's colours, for pages that only show images.

Example::

    svg = draw_image(scaling_chart(result))
    as_data_url(svg)                # 'data:image/svg+xml;base64,…'
"""

import base64
from importlib import resources

from s1.report.charts import WIDE, Chart, draw_chart, drawn_height


def draw_image(chart: Chart) -> str:
    """Draw a chart with its legend as a complete SVG document, on paper of the report's colour."""
    style = resources.files("s1.report").joinpath("page.css").read_text(encoding="utf-8")
    opening, rest = draw_chart(chart, WIDE, key="image", has_legend=True).split(">", 1)
    height = drawn_height(chart, WIDE)
    size = f'xmlns="http://www.w3.org/2000/svg" width="{WIDE.width}" height="{height}"'
    paper = '<rect width="100%" height="100%" fill="var(--paper)"/>'
    return f"{opening} {size}><style>{style}</style>{paper}{rest}"


def as_data_url(svg: str) -> str:
    """The image as an address that needs no server."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"
