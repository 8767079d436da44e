"""Between tensors and what people hold: pictures, sound, rows of tables, grids, scatter plots.

Texts are turned by the space itself: `space.sequences(texts)`, `space.texts(sequences)`.

to_images(space, x)         PIL images of samples that are pictures
from_images(space, images)  and back
to_rows(space, x)           one mapping a sample, column -> number
from_rows(space, rows)      and back
columns(space)              the names of the columns
to_waveforms(space, x)      .wav files of samples that are waveforms, as bytes
from_waveforms(space, files)  and back
to_animations(space, x)     .gif files of samples that are frames, as bytes
grid(images)                one picture of many
scatter(points)             one picture of points in the plane
panels({heading: picture})  pictures side by side, each under its heading
"""

from zoo_core.exchange.animations import is_animation, to_animations
from zoo_core.exchange.images import from_images, is_picture, to_images
from zoo_core.exchange.pictures import grid, panels
from zoo_core.exchange.plots import scatter
from zoo_core.exchange.rows import columns, from_rows, to_rows
from zoo_core.exchange.waveforms import clipped_share, from_waveforms, is_waveform, to_waveforms

__all__ = [
    "clipped_share",
    "columns",
    "from_images",
    "from_rows",
    "from_waveforms",
    "grid",
    "is_animation",
    "is_picture",
    "is_waveform",
    "panels",
    "scatter",
    "to_animations",
    "to_images",
    "to_rows",
    "to_waveforms",
]
