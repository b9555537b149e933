"""Cut fonts down to the characters that the site shows: the whole ones are ten times as heavy."""

from fontTools import subset

subset.log.setLevel("WARNING")


def cut(source, target, characters):
    """Write a font of these characters and the parts of tall brackets, without alternatives."""
    options = subset.Options(flavor="woff2", layout_features=[], notdef_outline=True)
    with subset.load_font(source, options) as font:
        subsetter = subset.Subsetter(options)
        subsetter.populate(text="".join(characters))
        subsetter.subset(font)
        subset.save_font(font, target, options)
