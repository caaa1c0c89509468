"""Row 36: SPF trees, DKIM signatures, ARC sets and From domains can cost only so many questions and so much time."""

import time

from postier.mailauth import arc, dkim, dmarc, spf
from postier.mailauth.outcome import Outcome
from postier.mailauth.questions import AddressQuestion, Answer, Mx, MxQuestion, PtrQuestion, TxtQuestion


class Tree:
    """Every name has an SPF record that includes two more, ten MX hosts that exist, and reverse names."""

    def __init__(self):
        self.asked = 0

    def query(self, question):
        self.asked += 1
        match question:
            case TxtQuestion(name):
                text = f"v=spf1 include:a.{name} include:b.{name} mx ptr a:%{{p}} -all"
                return Answer((text.encode(),))
            case MxQuestion(name):
                return Answer(tuple(Mx(1, f"m{index}.{name}") for index in range(10)))
            case PtrQuestion():
                return Answer(tuple(f"p{index}.test" for index in range(1_000)))
            case AddressQuestion():
                return Answer(("198.51.100.1",) * 1_000)


def test_spf_tree_bomb():
    tree = Tree()
    result = spf.run(spf.check("192.0.2.1", "a@bomb.test", "bomb.test"), tree)
    assert result.result is Outcome.PERMERROR
    assert result.lookups == 11
    assert tree.asked <= 11


def test_spf_costs_at_most_ten_terms_of_eleven_questions():
    class Wide(Tree):
        def query(self, question):
            if isinstance(question, TxtQuestion):
                self.asked += 1
                return Answer((b"v=spf1 " + b" ".join(b"mx:m%d.test" % index for index in range(11)),))
            return super().query(question)

    wide = Wide()
    assert spf.run(spf.check("192.0.2.1", "a@bomb.test", "bomb.test"), wide).result is Outcome.PERMERROR
    assert wide.asked == 1 + 10 * 11


def test_a_thousand_signatures():
    message = b"".join(
        b"DKIM-Signature: v=1; a=rsa-sha256; d=d%d.test; s=s; h=from; bh=QQ==; b=QQ==; l=%d\r\n"
        % (index, index)
        for index in range(1_000)
    )
    message += b"From: a@b.test\r\n\r\n" + b"x" * 500_000
    tree = Tree()
    start = time.process_time()
    results = dkim.run(dkim.verify(message, 1), tree)
    assert time.process_time() - start < 1
    assert tree.asked == dkim.MAX_SIGNATURES
    assert len(results) == dkim.MAX_SIGNATURES + 1


def test_a_thousand_arc_sets():
    message = b"".join(
        b"ARC-Seal: i=%d; a=rsa-sha256; b=QQ==; cv=pass; d=d%d.test; s=s\r\n" % (index, index)
        for index in range(1, 1_000)
    )
    tree = Tree()
    assert arc.run(arc.verify(message + b"From: a@b.test\r\n\r\n", 1), tree).result is Outcome.FAIL
    assert tree.asked == 0


def test_a_from_with_a_hundred_labels():
    tree = Tree()
    domain = b".".join([b"a"] * 100)
    assert dmarc.run(dmarc.check(b"From: x@" + domain + b"\r\n\r\n", None, ()), tree).result is Outcome.NONE
    assert tree.asked == 8
