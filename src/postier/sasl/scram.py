"""SCRAM: both sides prove that they know the password, and neither sends it.

Not here: nonces (arguments), where keys are stored, the names offered (`mechanisms`). Sources: RFC 5802, RFC 7677
(SHA-256). Invariants: the server holds stored keys only, never the password; proofs are compared in constant time;
channel binding is checked whenever the client asks for it and a downgrade ("y" against a server that has it) fails.
"""

import re
from hashlib import new as new_hash
from hashlib import pbkdf2_hmac
from hmac import compare_digest
from hmac import digest as hmac_digest
from typing import Final

import msgspec

from postier.sasl.base64 import decode_base64, encode_base64
from postier.sasl.exchange import (
    MAX_RESPONSE_OCTETS,
    Accepted,
    Challenge,
    Failed,
    Failure,
    KeysWanted,
    SaslError,
    Step,
)
from postier.sasl.saslprep import saslprep

MIN_ITERATIONS: Final = 4096  # RFC 7677 §3
MAX_ITERATIONS: Final = 1_000_000  # a hostile server would have the client compute for hours
MIN_SALT_OCTETS: Final = 2  # RFC 5802 eid2652

_NAME = rb"(?:[^\x00=,]|=2C|=3D)+"  # RFC 5802 §7 saslname
_CLIENT_FIRST = re.compile(
    rb"((?:n|y|p=([A-Za-z0-9.-]+)),(?:a=("
    + _NAME
    + rb"))?,)(n=("
    + _NAME
    + rb"),r=([!-+\--~]+)(?:,[^\x00]*)?)"
)
_CLIENT_FINAL = re.compile(rb"(c=([A-Za-z0-9/+=]+),r=([!-+\--~]+)(?:,[^\x00]*)?),p=([A-Za-z0-9/+=]+)")
_SERVER_FIRST = re.compile(rb"r=([!-+\--~]+),s=([A-Za-z0-9/+=]+),i=([1-9][0-9]{0,9})(?:,[^\x00]*)?")


class ScramKeys(msgspec.Struct, frozen=True):
    """What the directory stores in place of a password (RFC 5802 §3)."""

    salt: bytes
    iterations: int
    stored_key: bytes
    server_key: bytes


class ChannelBinding(msgspec.Struct, frozen=True):
    """The name and octets that tie the exchange to the TLS channel (RFC 5929, RFC 9266)."""

    name: str
    data: bytes


def derive_keys(password: str, salt: bytes, iterations: int, algorithm: str = "sha256") -> ScramKeys:
    """The keys of a password (slow on purpose); raises ValueError for one that SASLprep refuses."""
    salted = pbkdf2_hmac(algorithm, saslprep(password).encode(), salt, iterations)
    client_key = hmac_digest(salted, b"Client Key", algorithm)
    stored_key = new_hash(algorithm, client_key).digest()
    return ScramKeys(salt, iterations, stored_key, hmac_digest(salted, b"Server Key", algorithm))


def _xor(left: bytes, right: bytes) -> bytes:
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).to_bytes(len(left), "big")


def _unescape(name: bytes) -> str:
    return name.decode("utf-8").replace("=2C", ",").replace("=3D", "=")


def _escape(name: str) -> str:
    return name.replace("=", "=3D").replace(",", "=2C")


class ScramServer:
    """The server's side: start, give_keys, step with the client's proof, step with its empty last answer."""

    def __init__(
        self,
        nonce: str,
        algorithm: str = "sha256",
        bindings: tuple[ChannelBinding, ...] = (),
        *,
        is_plus: bool = False,
    ) -> None:
        self._nonce = nonce.encode("ascii")
        self._algorithm = algorithm
        self._bindings = {one.name.encode(): one.data for one in bindings}
        self._is_plus = is_plus
        self._bound = b""
        self._keys: ScramKeys | None = None
        self._gs2 = self._first_bare = self._server_first = b""
        self._wanted: KeysWanted | None = None
        self._is_proved = False

    def start(self, initial: bytes | None) -> Step:
        """KeysWanted, once the client's first message is there."""
        if initial is None:
            return Challenge(b"")
        match = _CLIENT_FIRST.fullmatch(initial) if len(initial) <= MAX_RESPONSE_OCTETS else None
        if match is None:
            return Failed(Failure.MALFORMED)
        self._gs2, binding, authzid, self._first_bare, authcid, nonce = match.groups()
        # RFC 5802 §6: "p" with -PLUS only and of a type of ours; "y" although we do offer -PLUS is a downgrade
        if self._is_plus is (binding is None) or (self._gs2[:1] == b"y" and self._bindings):
            return Failed(Failure.WRONG)
        if binding is not None:
            if binding not in self._bindings:
                return Failed(Failure.WRONG)
            self._bound = self._bindings[binding]
        try:
            self._wanted = KeysWanted(_unescape(authzid or b""), _unescape(authcid))
        except UnicodeDecodeError:
            return Failed(Failure.MALFORMED)
        self._nonce = nonce + self._nonce
        return self._wanted

    def give_keys(self, keys: ScramKeys) -> Challenge:
        """Salt and iteration count for the client; decoy keys keep an unknown user secret."""
        self._keys = keys
        self._server_first = b"r=%s,s=%s,i=%d" % (self._nonce, encode_base64(keys.salt), keys.iterations)
        return Challenge(self._server_first)

    def step(self, response: bytes) -> Step:
        """The client's proof, then the empty answer to ours (RFC 5802 eid2689)."""
        if self._wanted is None:
            return self.start(response)
        if self._is_proved:
            if response:
                return Failed(Failure.MALFORMED)
            return Accepted(self._wanted.authzid, self._wanted.authcid)
        match = _CLIENT_FINAL.fullmatch(response) if len(response) <= MAX_RESPONSE_OCTETS else None
        if match is None or self._keys is None:
            return Failed(Failure.MALFORMED)
        without_proof, channel, nonce, encoded = match.groups()
        try:
            proof = decode_base64(encoded)
            is_bound = decode_base64(channel) == self._gs2 + self._bound
        except ValueError:
            return Failed(Failure.MALFORMED)
        message = b",".join((self._first_bare, self._server_first, without_proof))
        signature = hmac_digest(self._keys.stored_key, message, self._algorithm)
        if len(proof) != len(signature):
            return Failed(Failure.MALFORMED)
        stored = new_hash(self._algorithm, _xor(proof, signature)).digest()
        if not (compare_digest(stored, self._keys.stored_key) and is_bound and nonce == self._nonce):
            return Failed(Failure.WRONG)
        self._is_proved = True
        return Challenge(b"v=" + encode_base64(hmac_digest(self._keys.server_key, message, self._algorithm)))


class ScramClient:
    """The client's side; with a `binding` for -PLUS."""

    def __init__(
        self,
        authcid: str,
        password: str,
        nonce: str,
        algorithm: str = "sha256",
        name: str = "SCRAM-SHA-256",
        binding: ChannelBinding | None = None,
    ) -> None:
        self.name = name
        self._gs2 = b"n,," if binding is None else f"p={binding.name},,".encode()
        self._bound = b"" if binding is None else binding.data
        self.is_satisfied = False
        self._algorithm = algorithm
        self._password = password
        self._nonce = nonce.encode("ascii")
        self._first_bare = f"n={_escape(saslprep(authcid))},r={nonce}".encode()
        self._signature: bytes | None = None

    def start(self) -> bytes:
        """client-first-message."""
        return self._gs2 + self._first_bare

    def step(self, challenge: bytes) -> bytes:
        """client-final-message, then the empty answer to the server's proof; raises SaslError."""
        if self._signature is not None:
            if not compare_digest(challenge.partition(b",")[0], b"v=" + encode_base64(self._signature)):
                raise SaslError("the server did not prove that it knows the password")
            self.is_satisfied = True
            return b""
        match = _SERVER_FIRST.fullmatch(challenge) if len(challenge) <= MAX_RESPONSE_OCTETS else None
        if match is None or not match[1].startswith(self._nonce) or match[1] == self._nonce:
            raise SaslError("the server's first message is wrong")
        iterations = int(match[3])
        try:
            salt = decode_base64(match[2])
        except ValueError:
            raise SaslError("the salt is not base64") from None
        if not MIN_ITERATIONS <= iterations <= MAX_ITERATIONS or len(salt) < MIN_SALT_OCTETS:
            raise SaslError("salt or iteration count out of bounds")
        salted = pbkdf2_hmac(self._algorithm, saslprep(self._password).encode(), salt, iterations)
        client_key = hmac_digest(salted, b"Client Key", self._algorithm)
        without_proof = b"c=%b,r=%b" % (encode_base64(self._gs2 + self._bound), match[1])
        message = b",".join((self._first_bare, challenge, without_proof))
        stored_key = new_hash(self._algorithm, client_key).digest()
        server_key = hmac_digest(salted, b"Server Key", self._algorithm)
        self._signature = hmac_digest(server_key, message, self._algorithm)
        proof = _xor(client_key, hmac_digest(stored_key, message, self._algorithm))
        return without_proof + b",p=" + encode_base64(proof)
