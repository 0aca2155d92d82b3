"""What loads do to bone, and where cement goes in it: voxel models between platens, and injections."""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)  # the names of __init__.pyi
