"""Cut fonts down to the characters that the site shows: the whole ones are ten times as heavy."""

import shutil
from hashlib import sha256
from pathlib import Path

from fontTools import subset

subset.log.setLevel("WARNING")


def cut(app, source, target, characters):
    """Write a font of these characters and the parts of tall brackets, without alternatives."""
    text = "".join(sorted(set(characters)))
    made = Path(app.doctreedir, sha256(source.read_bytes() + text.encode()).hexdigest())
    if not made.exists():  # most edits leave the characters as they were
        options = subset.Options(flavor="woff2", layout_features=[], notdef_outline=True)
        with subset.load_font(source, options) as font:
            subsetter = subset.Subsetter(options)
            subsetter.populate(text=text)
            subsetter.subset(font)
            subset.save_font(font, made, options)
    shutil.copy(made, target)
