from postier.servers.sieve_checker import SieveChecker


def test_a_right_script_has_no_problems():
    assert not SieveChecker().problems(b'require "fileinto";\r\nfileinto "Junk";\r\n')


def test_each_mistake_is_told_with_its_line():
    (problem,) = SieveChecker().problems(b'keep;\nrequire "vnd.none";\n')[:1]
    assert problem.startswith("line 2")
    assert SieveChecker().problems(b"\xff(")
    assert SieveChecker().problems(b"#" * (2 << 20))
