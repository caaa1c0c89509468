"""The tables of words, gathered from the extensions."""

from pathlib import Path

from postier.sieve import ext
from postier.sieve.ext import EXTENSIONS
from postier.sieve.vocabulary import CAPABILITIES


def test_every_module_of_an_extension_is_there():
    modules = [path.stem for path in Path(ext.__file__).parent.glob("*.py") if path.stem != "__init__"]
    assert len(EXTENSIONS) == len(modules)
    names = [name for extension in EXTENSIONS for name in extension.names]
    assert len(names) == len(set(names))
    assert set(names) <= CAPABILITIES
