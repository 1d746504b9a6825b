"""Pictures and frames of features: files and arrays to what a network takes, and what is said of each."""

from treadle.data.pictures.captioned import Captioned, Cell, captioned_of_lists, is_picture
from treadle.data.pictures.frames import read_frames
from treadle.data.pictures.picture import (
    PICTURE_SUFFIXES,
    Picture,
    as_picture,
    decode_picture,
    is_picture_file,
    read_picture,
    write_pictures,
)
from treadle.data.pictures.reading import captioned_of_table, has_caption_columns, read_captioned
from treadle.data.pictures.scale import PictureScale

__all__ = [
    "PICTURE_SUFFIXES",
    "Captioned",
    "Cell",
    "Picture",
    "PictureScale",
    "as_picture",
    "captioned_of_lists",
    "captioned_of_table",
    "decode_picture",
    "has_caption_columns",
    "is_picture",
    "is_picture_file",
    "read_captioned",
    "read_frames",
    "read_picture",
    "write_pictures",
]
