"""One file beside other codecs, one moment at several targets."""
