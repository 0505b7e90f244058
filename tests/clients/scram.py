"""SCRAM as the standard library of Python can speak it, without a line of the server's own client:
on IMAP, bound to the server's certificate and not, and what goes wrong when it is bent.

Arguments: address, imaps port, user, password.
"""

import base64
import hashlib
import hmac
import imaplib
import os
import ssl
import sys

host, imaps, user, password = sys.argv[1:5]
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE


class Scram:
    def __init__(self, name, password, header, data=b""):
        self.name, self.password = name, password
        self.header, self.data = header, data
        self.nonce = base64.b64encode(os.urandom(12)).decode()
        self.signature = self.proven = None
        self.step = 0

    def __call__(self, challenge):
        self.step += 1
        if self.step == 1:
            self.bare = f"n={user},r={self.nonce}"
            return (self.header + self.bare).encode()
        if self.step == 2:
            return self.prove(challenge.decode())
        self.proven = challenge == b"v=" + base64.b64encode(self.signature)
        return b""

    def prove(self, first):
        fields = dict(field.split("=", 1) for field in first.split(","))
        assert fields["r"].startswith(self.nonce), fields
        salt, rounds = base64.b64decode(fields["s"]), int(fields["i"])
        salted = hashlib.pbkdf2_hmac(self.name, self.password.encode(), salt, rounds)

        def mac(key, text):
            return hmac.new(key, text, self.name).digest()

        key = mac(salted, b"Client Key")
        stored = hashlib.new(self.name, key).digest()
        bound = base64.b64encode(self.header.encode() + self.data).decode()
        last = f"c={bound},r={fields['r']}"
        whole = ",".join([self.bare, first, last]).encode()
        proof = bytes(a ^ b for a, b in zip(key, mac(stored, whole)))
        self.signature = mac(mac(salted, b"Server Key"), whole)
        return f"{last},p={base64.b64encode(proof).decode()}".encode()


def connect():
    return imaplib.IMAP4_SSL(host, int(imaps), ssl_context=context)


def end_point(client):
    # The certificate of these tests is signed with SHA-256.
    return hashlib.sha256(client.socket().getpeercert(binary_form=True)).digest()


def accepted(mechanism, scram):
    client = connect()
    assert f"AUTH={mechanism}" in client.capabilities, client.capabilities
    if scram.header.startswith("p="):
        scram.data = end_point(client)
    client.authenticate(mechanism, scram)
    assert scram.proven, "the server does not know the password"
    assert client.select()[0] == "OK"
    client.logout()


def refused(mechanism, scram):
    client = connect()
    try:
        client.authenticate(mechanism, scram)
    except imaplib.IMAP4.error as e:
        assert "AUTHENTICATIONFAILED" in str(e), e
    else:
        raise AssertionError(f"{mechanism} {scram.header} is not refused")
    client.logout()


PLUS = "p=tls-server-end-point,,"
for mechanism, name in [("SCRAM-SHA-1", "sha1"), ("SCRAM-SHA-256", "sha256")]:
    accepted(mechanism, Scram(name, password, "n,,"))
    accepted(mechanism + "-PLUS", Scram(name, password, PLUS))
    refused(mechanism, Scram(name, password + "x", "n,,"))
    refused(mechanism + "-PLUS", Scram(name, password, PLUS, b"x" * 32))
    # -PLUS was offered: somebody in between has taken it off the list.
    refused(mechanism, Scram(name, password, "y,,"))
