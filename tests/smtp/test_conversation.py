import pytest

from postier.smtp.client_events import Awaiting
from postier.smtp.conversation import Conversation
from postier.smtp.replies import Reply


def test_a_script_waits_for_each_answer_or_not():
    heard = []
    script = [(word, Awaiting.COMMAND, heard.append) for word in (b"A", b"B", b"C")]
    pipelined = Conversation()
    pipelined.play(script, is_pipelined=True)
    assert pipelined.take_output() == b"A\r\nB\r\nC\r\n"
    stepwise = Conversation()
    stepwise.play(script, is_pipelined=False)
    assert stepwise.take_output() == b"A\r\n"
    stepwise.answer(Reply(250))
    assert stepwise.take_output() == b"B\r\n"
    stepwise.stop()
    stepwise.answer(Reply(550))
    assert stepwise.take_output() == b""
    assert [reply.code for reply in heard] == [250, 550]


@pytest.mark.parametrize("command", [b"A\r\nB", b"A\n", b"A\r", b"A\0"])
def test_a_command_is_one_line(command):
    with pytest.raises(ValueError):
        Conversation().say(command, Awaiting.COMMAND, print)
