"""Arguments that several nouns take: addresses, domains, sizes, passwords.

Not here: options of one noun. Invariants: a malformed argument is wrong use (exit 2); a password is never an argument,
for other users of the machine can read those.
"""

import datetime as dt
import sys

import click

from postier.mime.address import Address, parse_domain

UNLIMITED = "none"
_UNITS = ("B", "K", "M", "G", "T", "P")


class AddressType(click.ParamType[Address]):
    """`local@domain`."""

    name = "address"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Address:
        """The typed address."""
        if isinstance(value, Address):
            return value
        try:
            return Address.parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class DomainType(click.ParamType[str]):
    """A domain name; the stored form."""

    name = "domain"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The domain in lower case and A-labels."""
        try:
            domain = parse_domain(str(value).removesuffix("."))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if domain.startswith("["):
            self.fail(f"{value} is an address literal, not a domain", param, ctx)
        return domain


class SizeType(click.ParamType[int]):
    """A size such as 5G, or `none` for no limit (-1)."""

    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Octets."""
        from postier.app.values import Kind, read_value

        if isinstance(value, int):
            return value
        if str(value).lower() == UNLIMITED:
            return -1
        try:
            size = read_value(Kind.SIZE, value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        assert isinstance(size, int)
        return size


def size_text(size_bytes: int | None) -> str:
    """A size for people, three digits: `5G`, `1.5M`; nothing for None."""
    if size_bytes is None:
        return ""
    value = float(size_bytes)
    for unit in _UNITS:
        if value < 1024 or unit == _UNITS[-1]:
            return f"{value:.3g}{unit}" if unit != "B" else f"{size_bytes}"
        value /= 1024
    raise AssertionError("the last unit returns")


def time_text(at_us: int) -> str:
    """A time of the store, RFC 3339 in UTC."""
    return dt.datetime.fromtimestamp(at_us // 1_000_000, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def given_password(*, from_stdin: bool) -> str | None:
    """The password: one line of standard input, or asked for on a terminal; None: make one.

    Raises UsageError for an empty line.
    """
    if from_stdin:
        try:
            line = sys.stdin.buffer.readline().decode()
        except UnicodeDecodeError:
            raise click.UsageError("the password on standard input is not UTF-8") from None
        password = line.removesuffix("\n").removesuffix("\r")
        if not password:
            raise click.UsageError("standard input has no password")
        return password
    if sys.stdin.isatty() and sys.stderr.isatty():
        asked: str = click.prompt(
            "Password (empty: one is made)", default="", hide_input=True, show_default=False, err=True
        )
        if asked and click.prompt("Again", hide_input=True, err=True) != asked:
            raise click.UsageError("the two passwords differ")
        return asked or None
    return None


def confirm(question: str, *, is_sure: bool) -> None:
    """Ask before what can't be undone, on a terminal only. Raises Abort."""
    if not is_sure and sys.stdin.isatty() and sys.stderr.isatty():
        click.confirm(question, abort=True, err=True)


password_stdin_option = click.option(
    "--password-stdin", is_flag=True, help="Read the password from one line of standard input."
)
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")
domain_option = click.option("--domain", type=DomainType(), metavar="NAME", help="Only those of this domain.")
