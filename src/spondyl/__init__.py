"""Spondyl: from a spine CT to what is broken, who is helped, and how.

One public function a stage; see `docs/index.md`.
"""

__version__ = "0.1.0"
