"""Spondyl: from a spine CT to what is broken, who is helped, and how.

One public function a stage; see `docs/index.md`. A name is imported when it is first used, so that `import spondyl`
stays fast.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)  # the names of __init__.pyi

__version__ = "0.1.0"
