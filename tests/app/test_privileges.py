import os
import pwd

import pytest

from postier.app.privileges import Identity, drop, identity
from postier.app.start_error import StartError


def test_identities_are_looked_up():
    assert identity(None, None) is None
    me = pwd.getpwuid(os.geteuid())
    assert identity(me.pw_name, None) == Identity(me.pw_name, me.pw_uid, me.pw_gid)
    assert identity("nobody", "root").gid == 0


@pytest.mark.parametrize(
    ("user", "group", "complaint"),
    [
        (None, "mail", "group is set without user"),
        ("no-such", None, "no system user 'no-such'"),
        ("root", "no-such", "no system group"),
    ],
)
def test_what_is_not_there_is_told(user, group, complaint):
    with pytest.raises(StartError, match=complaint):
        identity(user, group)


def test_becoming_oneself_needs_no_right():
    me = pwd.getpwuid(os.geteuid())
    drop(Identity(me.pw_name, me.pw_uid, me.pw_gid))
    assert os.geteuid() == me.pw_uid
