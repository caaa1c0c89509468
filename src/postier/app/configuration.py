"""From a TOML file and the environment to `Settings`, with every mistake named by file, line, key and cure.

Not here: which keys exist (`settings`), their manual (`manual`). Order of precedence: `POSTIER__SECTION__KEY` in the
environment, then the file, then the default. Relative paths are taken from the folder of the file, wherever they
were written. A secret key `x` may be given as `x_file`, the path of a file that holds the value.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from postier.app.catalogue import SECTIONS, Setting, settings_of, write_setting
from postier.app.reading import Problem, Reading
from postier.app.settings import Settings
from postier.app.values import Kind

_URL_PASSWORD = re.compile(r"(?<=://)([^/@:?#]*):([^/@?#]*)@")
_URL_SECRET = re.compile(r"(?i)([?&][^=&]*(?:secret|password|token|key)[^=&]*=)[^&]*")


class ConfigurationError(Exception):
    """The configuration cannot be used; `problems` holds every mistake, in the order of the file."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class Effective(msgspec.Struct, frozen=True):
    """A setting as it holds: its value as TOML (secrets hidden) and where it comes from."""

    key: str
    value: str
    origin: str


def load(path: Path, environ: Mapping[str, str]) -> Settings:
    """The settings of a node; raises ConfigurationError with all that is wrong."""
    settings, problems, _ = _read(path, environ)
    if settings is None:
        raise ConfigurationError(problems)
    return settings


def check(path: Path, environ: Mapping[str, str]) -> tuple[Problem, ...]:
    """All that is wrong, also what only shows when the server starts: files that are named but not there."""
    settings, problems, origins = _read(path, environ)
    if settings is None:
        return problems
    named = {
        "tls.certificate": (settings.tls.certificate, "PEM file"),
        "tls.key": (settings.tls.key, "PEM file"),
        "oauth.keys_path": (settings.oauth.keys_path, "JWK set"),
        "oauth.authorities": (settings.oauth.authorities, "PEM file"),
    }
    return tuple(
        Problem(
            *origins.get(key, (str(path), None)), key, f"there is no file {file}; give the path of a {kind}"
        )
        for key, (file, kind) in named.items()
        if file is not None and not file.is_file()
    )


def effective(path: Path, environ: Mapping[str, str]) -> tuple[Effective, ...]:
    """Every setting with its value and origin; raises ConfigurationError."""
    settings, problems, origins = _read(path, environ)
    if settings is None:
        raise ConfigurationError(problems)
    rows: list[Effective] = []
    for section in SECTIONS.values():
        tables: tuple[object, ...] = (settings,)
        if section.name:
            part = getattr(settings, section.name)
            tables = part if section.repeats else (part,)
        for index, values in enumerate(tables):
            prefix = (
                f"{section.name}.{index}." if section.repeats else f"{section.name}." if section.name else ""
            )
            rows += [
                Effective(
                    prefix + s.name, _shown(s, getattr(values, s.name)), _origin(origins.get(prefix + s.name))
                )
                for s in settings_of(section)
            ]
    return tuple(rows)


def keep_fixed(running: Settings, new: Settings) -> tuple[Settings, tuple[str, ...]]:
    """`new` with the keys that cannot change live left as they run, and the names of those that differ."""
    fixed: list[str] = []
    merged: dict[str, object] = {}
    for section in SECTIONS.values():
        if section.repeats:
            fixed += [section.name] if getattr(running, section.name) != getattr(new, section.name) else []
            merged[section.name] = getattr(running, section.name)
            continue
        old_part = getattr(running, section.name) if section.name else running
        new_part = getattr(new, section.name) if section.name else new
        differing = [
            s
            for s in settings_of(section)
            if not s.key.is_live and getattr(old_part, s.name) != getattr(new_part, s.name)
        ]
        fixed += [s.dotted for s in differing]
        kept = {s.name: getattr(old_part, s.name) for s in differing}
        merged |= {section.name: msgspec.structs.replace(new_part, **kept)} if section.name else kept
    return msgspec.structs.replace(new, **merged), tuple(fixed)


def hide_secrets(text: str) -> str:
    """A URL without its password and secret parameters."""
    return _URL_SECRET.sub(r"\1[hidden]", _URL_PASSWORD.sub(r"\1:[hidden]@", text))


_Origins = dict[str, tuple[str, int | None]]


def _read(path: Path, environ: Mapping[str, str]) -> tuple[Settings | None, tuple[Problem, ...], _Origins]:
    reading = Reading(path)
    document = reading.document()
    if document is None:
        return None, tuple(reading.problems), {}
    reading.take_file(document)
    reading.take_environment(environ)
    settings = reading.build()
    return (
        settings,
        tuple(reading.problems),
        {key: (place, line) for key, (_, place, line) in reading.raw.items()},
    )


def _shown(setting: Setting, value: object) -> str:
    if value is None:
        return setting.default_text
    if setting.key.kind is Kind.SECRET:
        return '"[hidden]"'
    text = write_setting(setting, value)
    return hide_secrets(text) if setting.key.is_secret else text


def _origin(origin: tuple[str, int | None] | None) -> str:
    if origin is None:
        return "default"
    place, line = origin
    return place if line is None else f"{place}:{line}"
