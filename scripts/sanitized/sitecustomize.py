"""Makes this process and its children load the native module that PCR_NATIVE_MODULE names.

scripts/test_native.sh puts this folder on PYTHONPATH; Python imports the module at every start.
"""

import importlib.util
import os
import sys
from importlib.machinery import ModuleSpec


class _NativeModuleFinder:
    """Finds pcr._native elsewhere than in the installed package."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name != "pcr._native":
            return None
        return importlib.util.spec_from_file_location(name, os.environ["PCR_NATIVE_MODULE"])


sys.meta_path.insert(0, _NativeModuleFinder)
