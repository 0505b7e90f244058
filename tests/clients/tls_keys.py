"""Python's ssl, imaplib and smtplib with a client certificate, and TLS sessions that are resumed.

Arguments: address, IMAPS, IMAP, submissions and submission port, PEM of key and certificate, fingerprint,
login address, the mox command's arguments to remove the key.
"""

import imaplib
import smtplib
import socket
import ssl
import subprocess
import sys

host, imaps, imap, submissions, submission, pem, fingerprint, user, mox = sys.argv[1:10]


def context(version=None, certificate=True):
    made = ssl.create_default_context()
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    if version:
        made.minimum_version = made.maximum_version = version
    if certificate:
        made.load_cert_chain(pem)
    return made


def ok(answer):
    kind, data = answer
    assert kind == "OK", answer
    return data


def programs():
    m = imaplib.IMAP4_SSL(host, int(imaps), ssl_context=context())
    assert m.state == "AUTH", m.welcome
    assert m.welcome.startswith(b"* PREAUTH"), m.welcome
    ok(m.select())
    m.logout()

    m = imaplib.IMAP4(host, int(imap))
    ok(m.starttls(context()))
    assert m.state == "NONAUTH" and "AUTH=EXTERNAL" in m.capabilities, m.capabilities
    ok(m.authenticate("EXTERNAL", lambda _: user.encode()))
    ok(m.select())
    m.logout()

    for s in (
        smtplib.SMTP_SSL(host, int(submissions), context=context()),
        smtplib.SMTP(host, int(submission)),
    ):
        if not isinstance(s.sock, ssl.SSLSocket):
            s.starttls(context=context())
        s.ehlo("client.example.org")
        assert "EXTERNAL" in s.esmtp_features["auth"], s.esmtp_features
        s.sendmail(user, [user], f"From: {user}\r\nSubject: by key\r\n\r\nno AUTH at all\r\n")
        code, text = s.docmd("AUTH", "EXTERNAL =")
        assert code == 235, (code, text)
        s.quit()


def connect(made, port, session=None):
    s = made.wrap_socket(socket.create_connection((host, int(port))), session=session)
    lines = s.makefile("rb")
    return s, lines, lines.readline()


def resumed():
    """A session comes back as who it was, as long as the key is there, and only where it was made."""
    kept = []
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        made = context(version)
        s, lines, greeting = connect(made, imaps)
        assert greeting.startswith(b"* PREAUTH") and not s.session_reused, greeting
        session = s.session
        s.close()
        # The same session again: what is resumed has no certificate of its own to show.
        s, lines, greeting = connect(made, imaps, session)
        assert s.session_reused, version
        assert greeting.startswith(b"* PREAUTH"), greeting
        s.close()
        # On submission, which has the same settings.
        s, lines, greeting = connect(made, submissions, session)
        assert s.session_reused, version
        s.sendall(f"EHLO x\r\nMAIL FROM:<{user}>\r\nQUIT\r\n".encode())
        said = lines.read()
        assert b"\r\n250 2.1.0 " in said, said
        s.close()
        # Without a certificate in the first place there is none later.
        bare = context(version, certificate=False)
        s, lines, greeting = connect(bare, imaps)
        assert greeting.startswith(b"* OK"), greeting
        without = s.session
        s.close()
        s, lines, greeting = connect(bare, imaps, without)
        assert s.session_reused and greeting.startswith(b"* OK"), greeting
        s.close()
        kept.append((made, session))
    subprocess.run([*mox.split("\n"), "config", "tlspubkey", "rm", fingerprint], check=True)
    for made, session in kept:
        s, lines, greeting = connect(made, imaps, session)
        assert s.session_reused, "the session itself is good"
        assert greeting.startswith(b"* OK") and b"EXTERNAL" not in greeting, greeting
        s.sendall(b"a authenticate external =\r\nb logout\r\n")
        assert lines.readline().startswith(b"a NO [AUTHENTICATIONFAILED]")
        s.close()
        s, lines, greeting = connect(made, submissions, session)
        assert s.session_reused
        s.sendall(f"EHLO x\r\nMAIL FROM:<{user}>\r\nQUIT\r\n".encode())
        said = lines.read()
        assert b"\r\n530 5.7.0 " in said, said
        s.close()


programs()
resumed()
