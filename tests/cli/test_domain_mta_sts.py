"""`postier domain mta-sts` with a real DNS server and a real policy host."""

import asyncio
import json
import threading

import pytest

from postier.mailauth.mta_sts import parse_policy
from tests.certificate_authority import Authority


@pytest.fixture
def run(postier):
    def call(*arguments):
        code, out, err = postier(*arguments)
        assert (code, err) == (0, ""), (arguments, err)
        return json.loads(out) if "--json" in arguments else out

    return call


@pytest.fixture
def configure(tmp_path):
    def write(port):
        (tmp_path / "postier.toml").write_text(
            f'hostname = "mx.beta.test"\n[dns]\nresolvers = ["127.0.0.1:{port}"]\n'
            "[delivery]\nallow_private_addresses = true\n"
        )

    write(1)
    return write


@pytest.fixture
def policy_host(tmp_path):
    """`policy_host(text)` serves a policy in a thread of its own; gives the port and the authority's file."""
    import ssl

    authority = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("sts", "mta-sts.beta.test"))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    servers = []

    def serve(text):
        async def answer(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(text)}\r\n\r\n"
            writer.write((head + text).encode())
            await writer.drain()
            writer.close()

        started = asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
        server = asyncio.run_coroutine_threadsafe(started, loop).result(10)
        servers.append(server)
        return server.sockets[0].getsockname()[1], authority.file

    yield serve

    async def close():
        for server in servers:
            server.close()
            await server.wait_closed()

    asyncio.run_coroutine_threadsafe(close(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_from_testing_to_withdrawal(configure, run, postier):
    run("domain", "add", "beta.test")
    code, _, err = postier("domain", "mta-sts", "beta.test")
    assert (code, "--mode testing" in err) == (1, True)
    testing = run("domain", "mta-sts", "beta.test", "--mode", "testing", "--json")
    assert parse_policy(testing["policy"].encode()).allows("mx.beta.test")
    assert testing["url"] == "https://mta-sts.beta.test/.well-known/mta-sts.txt"
    assert [record["type"] for record in testing["records"]] == ["TXT", "CNAME", "TXT"]
    told = run("domain", "mta-sts", "beta.test")
    assert f'_mta-sts.beta.test. IN TXT "v=STSv1; id={testing["id"]};"' in told
    assert "--mode enforce" in told
    records = {row["name"]: row["data"] for row in run("domain", "dns", "beta.test", "--json")}
    assert records["_mta-sts.beta.test"] == f"v=STSv1; id={testing['id']};"
    assert records["mta-sts.beta.test"] == "mx.beta.test."
    enforced = run("domain", "mta-sts", "beta.test", "--mode", "enforce", "--json")
    assert enforced["id"] != testing["id"]
    assert postier("domain", "mta-sts", "beta.test", "--remove")[0] == 1
    assert "keep this until" in run("domain", "mta-sts", "beta.test", "--mode", "none")
    code, _, err = postier("domain", "mta-sts", "beta.test", "--remove")
    assert (code, "for 14 days" in err) == (1, True)
    assert postier("domain", "mta-sts", "else.test", "--mode", "none")[0] == 1
    assert postier("domain", "mta-sts", "beta.test", "--mode", "maybe")[0] == 2


def test_the_check(configure, run, postier, policy_host, nsd):
    run("domain", "add", "beta.test")
    testing = run("domain", "mta-sts", "beta.test", "--mode", "testing", "--json")
    port, authorities = policy_host(testing["policy"])
    check = ("domain", "mta-sts", "beta.test", "--check", "--port", port, "--authorities", authorities)

    def zone(text, mx="mx"):
        hosts = f"@ IN MX 10 {mx}\nmx IN A 127.0.0.1\nmta-sts IN A 127.0.0.1\n"
        return nsd({"beta.test": f'{hosts}_mta-sts IN TXT "{text}"\n'})

    right = zone(f"v=STSv1; id={testing['id']};")
    configure(right)
    assert json.loads(postier(*check, "--json")[1])["result"] == "ok"
    assert "MX mx.beta.test is in the policy" in run(*check)

    configure(zone("v=STSv1; id=old;"))
    code, out, _ = postier(*check)
    assert (code, f"but it should have {testing['id']}" in out) == (1, True)
    configure(zone(f"v=STSv1; id={testing['id']};", mx="other.test."))
    code, out, _ = postier(*check)
    assert (code, "MX other.test is not in the policy" in out) == (1, True)
    configure(right)
    run("domain", "mta-sts", "beta.test", "--mode", "enforce")
    code, out, _ = postier(*check)
    assert (code, "serves another policy than enforce" in out) == (1, True)

    rows = json.loads(postier("domain", "dns", "beta.test", "--check", "--json")[1])
    found = {row["name"]: row["state"] for row in rows}
    assert found["_mta-sts.beta.test"] == "wrong"  # the id of the policy before
    assert found["https://mta-sts.beta.test/.well-known/mta-sts.txt"] == "wrong"  # nothing at 443 here
