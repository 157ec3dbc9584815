"""Charts as SVG text: scatter, lines, histogram, bars, radar and grid, each a plain function on frozen dataclasses.

Our own, because the web page and the committed files are compared byte for byte. Matplotlib's SVG changes with its
version and the fonts of the machine; Altair and Vega, and Plotly, bring large scripts that draw in the browser, and to
draw to a file they need a headless one. No library lets a page's CSS choose the
colours of its light and dark theme in drawings that also stand alone.

Every function takes `about`, one sentence that says what the picture shows: screen readers read it in place of the
picture. Texts may be of anybody; they are escaped. Numbers that are not finite are left out. Colours are CSS variables
of the page with a fallback for files: see `colours`.
"""

from ntgbench.report.charts.bars import Bar, Bars, bars
from ntgbench.report.charts.grid import Grid, grid
from ntgbench.report.charts.histogram import Counts, histogram
from ntgbench.report.charts.lines import Line, lines
from ntgbench.report.charts.radar import Shape, radar
from ntgbench.report.charts.scales import Axis
from ntgbench.report.charts.scatter import Guide, Point, Way, scatter

__all__ = [
    "Axis",
    "Bar",
    "Bars",
    "Counts",
    "Grid",
    "Guide",
    "Line",
    "Point",
    "Shape",
    "Way",
    "bars",
    "grid",
    "histogram",
    "lines",
    "radar",
    "scatter",
]
