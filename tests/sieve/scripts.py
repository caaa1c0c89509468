"""Short ways to run scripts in tests."""

from postier.sieve.actions import Discard, FileInto, Keep, Notify, Redirect, Reject, Vacation
from postier.sieve.limits import LIMITS
from postier.sieve.problems import ScriptError
from postier.sieve.script import compile_script
from postier.sieve.world import Envelope, World

# The messages of RFC 5228 §1.1
MESSAGE_A = (
    b"Date: Tue, 1 Apr 1997 09:06:31 -0800 (PST)\r\nFrom: coyote@desert.example.org\r\n"
    b"To: roadrunner@acme.example.com\r\nSubject: I have a present for you\r\n\r\n"
    b"Look, I'm sorry about the whole anvil thing, and I really\r\ndidn't mean to try and drop it on you from the top"
    b" of the\r\ncliff.  I want to try to make it up to you.  I've got some\r\ngreat birdseed over here at my place--top of"
    b" the line\r\nstuff--and if you come by, I'll have it all wrapped up\r\nfor you.  I'm really sorry for all the problems"
    b" I've caused\r\nfor you over the years, but I know we can work this out.\r\n--\r\n"
    b'Wile E. Coyote   "Super Genius"   coyote@desert.example.org\r\n'
)
MESSAGE_B = (
    b"From: youcouldberich!@reply-by-postal-mail.invalid\r\nSender: b1ff@de.res.example.com\r\n"
    b"To: rube@landru.example.com\r\nDate:  Mon, 31 Mar 1997 18:26:10 -0800\r\nSubject: $$$ YOU, TOO, CAN BE A"
    b" MILLIONAIRE! $$$\r\n\r\nYOU MAY HAVE ALREADY WON TEN MILLION DOLLARS, BUT I DOUBT\r\nIT!\r\n"
)
ENVELOPE = Envelope("coyote@desert.example.org", "roadrunner@acme.example.com")


def run(script, message=MESSAGE_A, envelope=ENVELOPE, world=None, *, limits=LIMITS, **around):
    return compile_script(script, limits).run(message, envelope, world or World(**around))


def taken(result):
    """The actions of a result in short words, the implicit keep at the end."""
    assert result.error is None, result.error
    words = [_word(each) for each in result.actions]
    return words + (["implicit keep"] if result.keep else [])


def _word(action):
    match action:
        case Keep():
            return "keep"
        case FileInto():
            return f"fileinto {action.mailbox}"
        case Redirect():
            return f"redirect {action.address}"
        case Discard():
            return "discard"
        case Reject():
            return f"{'e' * action.is_ereject}reject {action.reason}"
        case Vacation():
            return f"vacation {action.recipient}"
        case Notify():
            return f"notify {action.method}"


def holds(test, message=MESSAGE_A, envelope=ENVELOPE, world=None, *, requires="", before="", **around):
    """Whether a test is true of a message."""
    names = ", ".join([f'"{each}"' for each in [*requires.split(), "fileinto"]])
    script = f"require [{names}];"
    result = run(
        f'{script} {before} if {test} {{ fileinto "yes"; }} else {{ discard; }}',
        message,
        envelope,
        world,
        **around,
    )
    assert result.error is None, result.error
    return taken(result)[-1] == "fileinto yes"


def mistakes(script, limits=LIMITS):
    """What is wrong with a script, one line each."""
    try:
        compile_script(script, limits)
    except ScriptError as error:
        return [str(each) for each in error.problems]
    return []
