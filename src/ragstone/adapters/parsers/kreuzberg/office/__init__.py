"""Office files, where what the reader gives has to be mended or added to."""
