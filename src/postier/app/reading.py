"""One reading of a configuration: raw values with their places, then typed values, and every problem met.

Not here: what callers do with it (`configuration`). Invariant: nothing is raised for what a user wrote; each mistake
becomes one `Problem`, and settings are built only when there is none.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from postier.app import toml_lines
from postier.app.catalogue import FILE_SUFFIX, SECTIONS, SETTINGS, Section, Setting, nearest, settings_of
from postier.app.oauth_settings import oauth_problems
from postier.app.settings import Listener, Protocol, Settings, TlsMode
from postier.app.values import read_value

ENVIRONMENT_PREFIX = "POSTIER__"
MAX_FILE_BYTES = 1 << 20
MAX_SECRET_BYTES = 1 << 16
MAX_SHOWN_CHARACTERS = 60  # of a wrong value within an error
LEAST_MESSAGE_LIMIT = 1_000  # RFC 9738 §3

_SYNTAX_ERROR = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_Raw = tuple[object, str, int | None]  # a value with its place and line


class Problem(msgspec.Struct, frozen=True):
    """One mistake: where it stands, which key, and what to do."""

    place: str  # the file, or the environment variable
    line: int | None
    key: str
    reason: str

    def __str__(self) -> str:
        where = self.place if self.line is None else f"{self.place}:{self.line}"
        return f"{where}: {self.key}: {self.reason}" if self.key else f"{where}: {self.reason}"


class Reading:
    """One reading of a file: raw values by their full name (listeners numbered), and the problems found so far."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.folder = path.absolute().parent
        self.problems: list[Problem] = []
        self.raw: dict[str, _Raw] = {}
        self.counts: dict[str, int] = {}
        self.lines: dict[toml_lines.KeyPath, int] = {}

    def _problem(self, key: str, reason: str, line: int | None = None, place: str = "") -> None:
        self.problems.append(Problem(place or str(self.path), line, key, reason))

    def document(self) -> dict[str, object] | None:
        """The parsed file, or None with its problem kept."""
        try:
            with self.path.open("rb") as file:
                content = file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            self._problem(
                "", f"cannot be read: {error.strerror}; `postier init ADDRESS` writes a configuration"
            )
            return None
        if len(content) > MAX_FILE_BYTES:
            self._problem("", f"is larger than {MAX_FILE_BYTES} bytes; this is not a configuration file")
            return None
        try:
            text = content.decode()
            document = tomllib.loads(text)
        except UnicodeDecodeError as error:
            self._problem("", "is not UTF-8 text", content.count(b"\n", 0, error.start) + 1)
            return None
        except RecursionError:
            self._problem("", "is nested too deeply")
            return None
        except tomllib.TOMLDecodeError as error:
            found = _SYNTAX_ERROR.search(str(error))
            line = int(found[1]) if found and found[1] else text.count("\n") + 1
            self._problem("", f"is not valid TOML: {_SYNTAX_ERROR.sub('', str(error))}", line)
            return None
        self.lines = toml_lines.line_numbers(text.replace("\r\n", "\n"))
        return document

    def take_file(self, document: Mapping[str, object]) -> None:
        """Keep every known key of the file."""
        for name, value in document.items():
            line = toml_lines.line_of((name,), self.lines)
            section = SECTIONS.get(name) if name else None
            if section is None:
                if isinstance(value, dict) or (
                    isinstance(value, list) and value and isinstance(value[0], dict)
                ):
                    sections = [known for known in SECTIONS if known]
                    self._problem(name, f"unknown section; the nearest is [{nearest(name, sections)}]", line)
                else:
                    self._take(SECTIONS[""], "", name, value, str(self.path), line)
            elif section.repeats:
                self._take_repeated(section, value, line)
            elif isinstance(value, dict):
                self._take_table(section, f"{name}.", (name,), value)
            else:
                self._problem(name, f"is a section: write [{name}] and its keys below", line)

    def _take_repeated(self, section: Section, value: object, line: int | None) -> None:
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self._problem(
                section.name, f"may be repeated: write [[{section.name}]], in double brackets", line
            )
            return
        self.counts[section.name] = len(value)
        for index, table in enumerate(value):
            self._take_table(section, f"{section.name}.{index}.", (section.name, index), table)

    def _take_table(
        self, section: Section, prefix: str, path: toml_lines.KeyPath, table: Mapping[str, object]
    ) -> None:
        for name, value in table.items():
            line = toml_lines.line_of((*path, name), self.lines)
            self._take(section, prefix, name, value, str(self.path), line)

    def _take(
        self, section: Section, prefix: str, name: str, value: object, place: str, line: int | None
    ) -> None:
        """Keep one value under its full name, or report that there is no such key."""
        dotted = f"{section.name}.{name}" if section.name else name
        setting = SETTINGS.get(dotted)
        if setting is None and name.endswith(FILE_SUFFIX):
            target = SETTINGS.get(dotted.removesuffix(FILE_SUFFIX))
            if target is not None and target.key.is_secret:
                self._take_secret(target, prefix, value, place, line)
                return
        if setting is None:
            self._problem(dotted, f"unknown key; the nearest is {nearest(dotted, SETTINGS)}", line, place)
            return
        if prefix + name in self.raw and self.raw[prefix + name][1] == place:
            self._problem(dotted, f"is given twice, as {name} and {name}{FILE_SUFFIX}", line, place)
            return
        self.raw[prefix + name] = (value, place, line)

    def _take_secret(
        self, setting: Setting, prefix: str, value: object, place: str, line: int | None
    ) -> None:
        dotted = setting.dotted + FILE_SUFFIX
        if not isinstance(value, str) or not value:
            self._problem(dotted, "expected the path of a file that holds the value", line, place)
            return
        try:
            with (self.folder / value).open("rb") as file:
                secret = file.read(MAX_SECRET_BYTES).decode().strip()
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            self._problem(dotted, f"{self.folder / value} cannot be read: {reason}", line, place)
            return
        self._take(SECTIONS[setting.section], prefix, setting.name, secret, place, line)

    def take_environment(self, environ: Mapping[str, str]) -> None:
        """Let `POSTIER__...` variables override the file."""
        variables = {setting.variable: setting for setting in SETTINGS.values()}
        for name in sorted(environ):
            if not name.startswith(ENVIRONMENT_PREFIX):
                continue
            place = f"environment variable {name}"
            base = name.upper().removesuffix(FILE_SUFFIX.upper())
            setting = variables.get(name.upper()) or variables.get(base)
            if setting is None or (name.upper() not in variables and not setting.key.is_secret):
                self._problem("", f"unknown; the nearest is {nearest(name, variables)}", place=place)
                continue
            section = SECTIONS[setting.section]
            if section.repeats:
                self._problem(setting.dotted, f"[[{section.name}]] can only stand in the file", place=place)
                continue
            key = setting.name if name.upper() in variables else setting.name + FILE_SUFFIX
            value: object = environ[name]
            if setting.is_list:
                value = [item.strip() for item in environ[name].split(",") if item.strip()]
            self._take(section, f"{section.name}." if section.name else "", key, value, place, None)

    def build(self) -> Settings | None:
        """The settings, or None if there was any problem; these are sorted by line then."""
        parts: dict[str, object] = {}
        for section in SECTIONS.values():
            if not section.name:
                continue
            if section.repeats:
                tables = [
                    self._values(section, f"{section.name}.{n}.", n)
                    for n in range(self.counts.get(section.name, 0))
                ]
                parts[section.name] = tables
            else:
                parts[section.name] = self._values(section, f"{section.name}.", None)
        top = self._values(SECTIONS[""], "", None)
        if not self.problems:
            built = {
                name: tuple(SECTIONS[name].struct(**table) for table in part)
                if isinstance(part, list)
                else SECTIONS[name].struct(**part)
                for name, part in parts.items()
                if isinstance(part, list | dict)
            }
            settings = Settings(**top, **built)  # type: ignore[arg-type]  # each value was read by its kind
            self._check_together(settings)
            if not self.problems:
                return settings
        self.problems.sort(key=lambda problem: (problem.line is None, problem.line or 0))
        return None

    def _values(self, section: Section, prefix: str, index: int | None) -> dict[str, object]:
        """The typed values given for one table."""
        values: dict[str, object] = {}
        for setting in settings_of(section):
            found = self.raw.get(prefix + setting.name)
            if found is None:
                if setting.is_required:
                    line = None if index is None else self.lines.get((section.name, index))
                    self._problem(setting.dotted, f"is missing: expected {setting.expected}", line)
                elif isinstance(setting.default, Path):
                    values[setting.name] = self.folder / setting.default
                continue
            raw, place, line = found
            try:
                values[setting.name] = self._typed(setting, raw)
            except ValueError as error:
                self._problem(setting.dotted, str(error), line, place)
        return values

    def _typed(self, setting: Setting, raw: object) -> object:
        if setting.is_list:
            if not isinstance(raw, list):
                raise ValueError(f"expected {setting.expected}, in [brackets]")
            return tuple(self._typed_one(setting, item) for item in raw)
        return self._typed_one(setting, raw)

    def _typed_one(self, setting: Setting, raw: object) -> object:
        key = setting.key
        try:
            value = read_value(key.kind, raw, folder=self.folder, choices=key.choices)
        except ValueError:
            shown = "the value" if key.is_secret else _brief(raw)
            raise ValueError(f"{shown} is not right; expected {setting.expected}") from None
        if isinstance(value, int) and not isinstance(value, bool):
            low, high = key.minimum, key.maximum
            if (low is not None and value < low) or (high is not None and value > high):
                raise ValueError(f"{_brief(raw)} is out of range; expected {setting.expected}")
        return value

    def _check_together(self, settings: Settings) -> None:
        """What can only be judged over several keys."""
        tls = settings.tls
        if (tls.certificate is None) != (tls.key is None):
            given, other = ("certificate", "key") if tls.key is None else ("key", "certificate")
            _, place, line = self.raw.get(f"tls.{given}", (None, str(self.path), None))
            self._problem(
                f"tls.{other}", f"is missing: tls.{given} is given, and they go together", line, place
            )
        if settings.delivery.retry_first_s > settings.delivery.retry_max_s:
            _, place, line = self.raw.get("delivery.retry_first_s", (None, str(self.path), None))
            self._problem("delivery.retry_first_s", "is longer than delivery.retry_max_s", line, place)
        for key, reason in oauth_problems(settings.oauth):
            first = next(name for name in self.raw if name.startswith("oauth."))
            _, place, line = self.raw.get(key, self.raw[first])
            self._problem(key, reason, line, place)
        if 0 < settings.imap.message_limit < LEAST_MESSAGE_LIMIT:
            _, place, line = self.raw["imap.message_limit"]
            text = f"is lower than {LEAST_MESSAGE_LIMIT}, which mail programs may count on; 0 is no limit"
            self._problem("imap.message_limit", text, line, place)
        seen: dict[object, Listener] = {}
        for index, listener in enumerate(settings.listener):
            if listener.bind in seen and listener.bind.port:
                line = self.raw[f"listener.{index}.bind"][2]
                self._problem(
                    "listener.bind", f"{listener.bind} is already taken by another [[listener]]", line
                )
            seen[listener.bind] = listener
            if listener.protocol in {Protocol.HTTP, Protocol.METRICS} and listener.tls is TlsMode.STARTTLS:
                line = toml_lines.line_of(("listener", index, "tls"), self.lines)
                self._problem("listener.tls", 'HTTP has no STARTTLS; write "implicit" or "none"', line)


def _brief(raw: object) -> str:
    text = ascii(raw) if not isinstance(raw, bool) else str(raw).lower()
    return text if len(text) <= MAX_SHOWN_CHARACTERS else text[: MAX_SHOWN_CHARACTERS - 3] + "..."
