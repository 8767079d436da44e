"""Between tensors and what people hold: pictures, rows of tables, grids and scatter plots.

to_images(space, x)         PIL images of samples that are pictures
from_images(space, images)  and back
to_rows(space, x)           one mapping a sample, column -> number
from_rows(space, rows)      and back
columns(space)              the names of the columns
grid(images)                one picture of many
scatter(points)             one picture of points in the plane
panels({heading: picture})  pictures side by side, each under its heading
"""

from zoo_core.exchange.images import from_images, is_picture, to_images
from zoo_core.exchange.pictures import grid, panels
from zoo_core.exchange.plots import scatter
from zoo_core.exchange.rows import columns, from_rows, to_rows

__all__ = [
    "columns",
    "from_images",
    "from_rows",
    "grid",
    "is_picture",
    "panels",
    "scatter",
    "to_images",
    "to_rows",
]
