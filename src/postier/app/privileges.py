"""Becoming an ordinary system user once the listeners are open.

Not here: file capabilities and containers, where the server starts unprivileged. Invariant: after `drop` the process
cannot become root again; supplementary groups are those of the user.
"""

import grp
import os
import pwd

import msgspec

from postier.app.start_error import StartError


class Identity(msgspec.Struct, frozen=True):
    """A system user and group by number."""

    user: str
    uid: int
    gid: int


def identity(user: str | None, group: str | None) -> Identity | None:
    """Whom the settings name, or None to stay as started; raises StartError."""
    if user is None:
        if group is not None:
            raise StartError("group is set without user; set both")
        return None
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise StartError(
            f"there is no system user {user!r}; make it (useradd --system {user}) or change user"
        ) from None
    if group is None:
        return Identity(user, entry.pw_uid, entry.pw_gid)
    try:
        return Identity(user, entry.pw_uid, grp.getgrnam(group).gr_gid)
    except KeyError:
        raise StartError(f"there is no system group {group!r}; make it or change group") from None


def drop(who: Identity) -> None:
    """Become `who` for good; raises StartError unless the process is root or that user already."""
    if os.geteuid() == who.uid and os.getuid() == who.uid:
        return
    if os.geteuid() != 0:
        raise StartError(
            f"only root can become {who.user!r}; start as root or as {who.user!r}, or remove user"
        )
    os.initgroups(who.user, who.gid)
    os.setgid(who.gid)
    os.setuid(who.uid)
    if os.getresuid() != (who.uid,) * 3 or os.getresgid() != (who.gid,) * 3:
        raise StartError(f"could not become {who.user!r}")
