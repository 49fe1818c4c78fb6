#!/usr/bin/env python3
"""Lets a script use what another one, whose name is no module's, defines."""
import importlib.machinery
import importlib.util
import sys
from pathlib import Path


def load(name):
    """The script `name` beside this file, as a module; it is not run."""
    module_name = name.replace("-", "_")
    loader = importlib.machinery.SourceFileLoader(module_name, str(Path(__file__).with_name(name)))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(module_name, loader))
    # Beside the scripts there is no place for what Python compiles.
    sys.dont_write_bytecode = True
    loader.exec_module(module)
    return module
