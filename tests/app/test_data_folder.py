import os

import pytest

from postier.app.data_folder import DataFolder, make_folder
from postier.app.start_error import StartError


def test_a_new_folder_is_private(tmp_path):
    folder = DataFolder.take(tmp_path / "a" / "data")
    assert folder.was_made
    assert folder.path.stat().st_mode & 0o777 == 0o700
    assert (folder.path / "lock").read_text() == f"{os.getpid()}\n"
    assert (folder.path / "lock").stat().st_mode & 0o777 == 0o600
    folder.close()


def test_the_lock_is_held_once_and_names_its_holder(tmp_path):
    first = DataFolder.take(tmp_path)
    with pytest.raises(StartError, match=f"in use by another server, process {os.getpid()};"):
        DataFolder.take(tmp_path)
    first.close()
    second = DataFolder.take(tmp_path)
    assert not second.was_made
    second.close()


def test_unusable_folders_are_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StartError, match=r"file is not a folder; move that file away"):
        make_folder(tmp_path / "file")
    with pytest.raises(StartError, match=r"cannot be made \(Not a directory\)"):
        make_folder(tmp_path / "file" / "data")
    (tmp_path / "lock").mkdir()
    with pytest.raises(StartError, match=r"is not writable \(Is a directory\)"):
        DataFolder.take(tmp_path)


def test_a_lock_that_is_a_link_is_not_followed(tmp_path):
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "lock").symlink_to(tmp_path / "victim")
    with pytest.raises(StartError):
        DataFolder.take(tmp_path / "data")
    assert (tmp_path / "victim").read_text() == "precious"
