"""Of the package, and of the User-Agent that it sends."""

VERSION = "0.1.0"
__version__ = VERSION
