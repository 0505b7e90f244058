"""What a ticket of TLS is worth: no more than the key that was shown when it was made is worth now, and
nothing where clients are asked otherwise.

Arguments: address, IMAPS, IMAPS without client certificates, submissions and SMTP port, mox.toml, PEM of key
and certificate of alice's, its fingerprint, the mox command's arguments.
"""

import json
import re
import shutil
import socket
import ssl
import subprocess
import sys

host, imaps, unasked, submissions, smtp, config, pem, fingerprint, mox = sys.argv[1:10]
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


def run(*arguments, given=None):
    done = subprocess.run(
        [*mox.split("\n"), *arguments], check=True, input=given, capture_output=True
    )
    return done.stdout


def edit(change):
    with open(config) as file:
        text = file.read()
    changed = change(text)
    assert changed != text, text
    with open(config, "w") as file:
        file.write(changed)
    run("config", "reload")


def context(version, certificate=True):
    made = ssl.create_default_context()
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    made.minimum_version = made.maximum_version = version
    if certificate:
        made.load_cert_chain(pem)
    return made


class Connection:
    def __init__(self, made, port, session=None, starttls=False):
        plain = socket.create_connection((host, int(port)))
        if starttls:
            lines = plain.makefile("rb")
            lines.readline()
            plain.sendall(b"EHLO x\r\n")
            while not lines.readline().startswith(b"250 "):
                pass
            plain.sendall(b"STARTTLS\r\n")
            assert lines.readline().startswith(b"220 ")
        self.tls = made.wrap_socket(plain, session=session)
        self.lines = self.tls.makefile("rb")
        # A ticket of TLS 1.3 comes with the first thing that is read.
        if starttls:
            self.tls.sendall(b"NOOP\r\n")
        self.greeting = self.lines.readline()
        self.reused = self.tls.session_reused
        self.session = self.tls.session

    def ask(self, line):
        self.tls.sendall(line + b"\r\n")
        return self.lines.readline()

    def close(self):
        self.tls.close()


def once(*arguments, **options):
    connection = Connection(*arguments, **options)
    connection.close()
    return connection


def tickets():
    """A ticket a version, of a connection that has shown the key."""
    made = [context(version) for version in VERSIONS]
    return [(one, once(one, imaps)) for one in made]


def listeners():
    for version in VERSIONS:
        asked, bare = context(version), context(version, certificate=False)
        first = once(asked, imaps)
        assert first.greeting.startswith(b"* PREAUTH") and first.session.has_ticket
        assert once(asked, imaps, first.session).reused
        other = once(asked, unasked, first.session)
        assert not other.reused and other.greeting.startswith(b"* OK"), (version, other.greeting)
        # The other way round: with a certificate at hand, and without one.
        for made in (asked, bare):
            without = once(made, unasked)
            assert without.session.has_ticket and without.greeting.startswith(b"* OK")
            assert once(made, unasked, without.session).reused
            other = once(made, imaps, without.session)
            assert not other.reused, version
            greeting = b"* PREAUTH" if made is asked else b"* OK"
            assert other.greeting.startswith(greeting), other.greeting
        # Port 25 neither takes tickets nor makes any.
        relay = once(asked, smtp, first.session, starttls=True)
        assert not relay.reused and not relay.session.has_ticket, version
        assert not once(asked, smtp, relay.session, starttls=True).reused


def facts():
    def check(kept, greeting):
        for made, first in kept:
            again = Connection(made, imaps, first.session)
            assert again.reused, "the ticket itself is good"
            assert again.greeting.startswith(greeting), (greeting, again.greeting)
            yield again
            again.close()
            sending = Connection(made, submissions, first.session)
            assert sending.reused
            yield sending
            sending.close()

    def mail(connection):
        connection.ask(b"HELO x")
        return connection.ask(b"MAIL FROM:<alice@localhost>")

    def nobody(kept):
        for connection in check(kept, b"* OK"):
            if connection.greeting.startswith(b"220"):
                assert mail(connection).startswith(b"530 5.7.0")
                continue
            assert b"AUTH=EXTERNAL" not in connection.greeting, connection.greeting
            said = connection.ask(b"a AUTHENTICATE EXTERNAL =")
            assert said.startswith(b"a NO [AUTHENTICATIONFAILED]"), said

    def good(kept):
        for connection in check(kept, b"* PREAUTH"):
            if connection.greeting.startswith(b"220"):
                assert mail(connection).startswith(b"250"), connection.greeting

    kept = tickets()
    good(kept)

    run("config", "account", "disable", "alice", "moved away")
    for connection in check(kept, b"* OK"):
        if connection.greeting.startswith(b"220"):
            said = mail(connection)
            assert said == b"525 5.7.13 moved away\r\n", said
            continue
        assert b"AUTH=EXTERNAL" in connection.greeting, connection.greeting
        said = connection.ask(b"a AUTHENTICATE EXTERNAL =")
        assert said == b"a NO moved away\r\n", said
    run("config", "account", "enable", "alice")
    good(kept)

    # To another account, by hand: the key is nobody's until the address is back.
    mine, theirs = '"alice@localhost" = {}\n', '"mox@localhost" = {}\n'
    edit(lambda text: text.replace(mine, '"a@localhost" = {}\n').replace(theirs, theirs + mine))
    nobody(kept)
    edit(lambda text: text.replace(mine, "").replace('"a@localhost" = {}\n', mine))
    good(kept)

    run("config", "tlspubkey", "rm", fingerprint)
    nobody(kept)
    with open(pem, "rb") as file:
        certificate = file.read()
    run("config", "tlspubkey", "add", "mox@localhost", given=certificate)
    for connection in check(kept, b"* PREAUTH"):
        rows = json.loads(run("sessions", "list", "--json"))
        own = [row for row in rows if "resumed=true" in row["tls"]]
        assert own and all(row["account"] == "mox" for row in own), rows
        if connection.greeting.startswith(b"220"):
            # The address is alice's.
            connection.ask(b"HELO x")
            said = connection.ask(b"MAIL FROM:<alice@localhost>")
            assert said.startswith(b"5"), said
    run("config", "tlspubkey", "rm", fingerprint)
    run("config", "tlspubkey", "add", "alice@localhost", given=certificate)
    good(kept)

    run("config", "account", "rm", "alice")
    nobody(kept)


def renewal():
    """A renewed certificate makes old tickets void: who one is, is proven anew."""
    bare = [context(version, certificate=False) for version in VERSIONS]
    kept = tickets() + [(one, once(one, imaps)) for one in bare]
    folder = re.sub("[^/]*$", "", config)
    subprocess.run(
        ["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-subj", "/CN=localhost", "-keyout", "new.key", "-out", "new.crt"],
        check=True, capture_output=True,
    )  # fmt: skip
    shutil.copy("new.key", folder + "localhost.key.pem")
    shutil.copy("new.crt", folder + "localhost.crt.pem")
    run("config", "reload")
    for made, first in kept:
        again = once(made, imaps, first.session)
        assert not again.reused, again.greeting
        assert again.greeting.startswith(first.greeting[:5]), again.greeting


listeners()
renewal()
facts()
