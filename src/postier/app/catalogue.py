"""The list of all settings, read off the declarations in `settings`.

Not here: values of one configuration (`configuration`). Invariant: dotted names are unique; the order is the
order of declaration, which is also the order of the manual.
"""

import difflib
import typing
from collections.abc import Iterable, Mapping

import msgspec

from postier.app.settings import Key, Settings
from postier.app.values import EXPECTED, Kind, write_value

FILE_SUFFIX = "_file"


class Section(msgspec.Struct, frozen=True):
    """One table of the file: `[name]`, or `[[name]]` if it repeats; the empty name is the top."""

    name: str
    struct: type[msgspec.Struct]
    repeats: bool

    @property
    def doc(self) -> str:
        """Its sentence."""
        return (self.struct.__doc__ or "").partition("\n")[0]


class Setting(msgspec.Struct, frozen=True):
    """One key of the file."""

    section: str
    name: str
    key: Key
    is_list: bool
    is_required: bool
    default: object  # None where there is none or it is computed

    @property
    def dotted(self) -> str:
        """Its full name, such as `limits.message_size`."""
        return f"{self.section}.{self.name}" if self.section else self.name

    @property
    def variable(self) -> str:
        """The environment variable that overrides it."""
        return "POSTIER__" + self.dotted.upper().replace(".", "__")

    @property
    def expected(self) -> str:
        """What a value must look like, with its range."""
        if self.key.choices is not None:
            text = "one of " + ", ".join(f'"{choice.value}"' for choice in self.key.choices)
        else:
            text = EXPECTED[self.key.kind]
        if self.is_list:
            text = f"a list, each {text}"
        low, high = self.key.minimum, self.key.maximum
        if low is not None and high is not None:
            text += f"; from {write_value(self.key.kind, low)} to {write_value(self.key.kind, high)}"
        elif low is not None:
            text += f"; at least {write_value(self.key.kind, low)}"
        return text.replace('"', "") if self.key.kind in {Kind.SIZE, Kind.DURATION} else text

    @property
    def default_text(self) -> str:
        """The default as it would be written, or in words."""
        if self.is_required:
            return "none: it must be given"
        return self.key.default or write_setting(self, self.default)


def write_setting(setting: Setting, value: object) -> str:
    """A value of this setting as TOML."""
    if setting.is_list:
        assert isinstance(value, tuple)
        return "[" + ", ".join(write_value(setting.key.kind, item) for item in value) + "]"
    return write_value(setting.key.kind, value)


def settings_of(section: Section) -> list[Setting]:
    """The keys of one table, in their order."""
    return [setting for setting in SETTINGS.values() if setting.section == section.name]


def nearest(name: str, candidates: Iterable[str]) -> str:
    """The candidate most like `name`, by full name or by last part; a key in the wrong section is found so too."""
    own_section, _, own_last = name.rpartition(".")

    def likeness(candidate: str) -> float:
        section, _, last = candidate.rpartition(".")
        whole = difflib.SequenceMatcher(None, name, candidate).ratio()
        part = difflib.SequenceMatcher(None, own_last, last).ratio()
        return whole + part + (0.5 if own_section and section == own_section else 0.0)

    return max(candidates, key=likeness)


def _sections() -> Iterable[Section]:
    yield Section("", Settings, repeats=False)
    for name, hint in typing.get_type_hints(Settings, include_extras=True).items():
        if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            yield Section(name, hint, repeats=False)
        elif typing.get_origin(hint) is tuple:
            yield Section(name, typing.get_args(hint)[0], repeats=True)


def _settings(sections: Iterable[Section]) -> Iterable[Setting]:
    for section in sections:
        hints = typing.get_type_hints(section.struct, include_extras=True)
        for field in msgspec.structs.fields(section.struct):
            hint = hints[field.name]
            if typing.get_origin(hint) is not typing.Annotated:
                continue
            key = next(extra for extra in hint.__metadata__ if isinstance(extra, Key))
            yield Setting(
                section=section.name,
                name=field.name,
                key=key,
                is_list=typing.get_origin(typing.get_args(hint)[0]) is tuple,
                is_required=field.required,
                default=None if field.default is msgspec.NODEFAULT else field.default,
            )


SECTIONS: Mapping[str, Section] = {section.name: section for section in _sections()}
SETTINGS: Mapping[str, Setting] = {setting.dotted: setting for setting in _settings(SECTIONS.values())}
