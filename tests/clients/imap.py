"""Python's imaplib as a client: what a mail program does in its first minutes.

Arguments: address, IMAPS port, IMAP port, user, password.
"""

import imaplib
import ssl
import sys
import time

host, imaps, imap, user, password = sys.argv[1:6]
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE

MESSAGE = (
    b"From: alice@example.org\r\nTo: mox@localhost\r\nSubject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\n"
    b"Message-Id: <imaplib@example.org>\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    b"gr\xc3\xbc\xc3\x9fe\r\n.a dot\r\n"
)


def ok(answer):
    kind, data = answer
    assert kind == "OK", answer
    return data


def main():
    m = imaplib.IMAP4(host, int(imap))
    assert "STARTTLS" in m.capabilities, m.capabilities
    ok(m.starttls(context))
    ok(m.login(user, password))
    m.logout()

    m = imaplib.IMAP4_SSL(host, int(imaps), ssl_context=context)
    try:
        m.login(user, password + "x")
    except imaplib.IMAP4.error as e:
        assert "AUTHENTICATIONFAILED" in str(e), e
    else:
        raise AssertionError("a wrong password was accepted")
    ok(m.authenticate("PLAIN", lambda _: f"\0{user}\0{password}".encode()))
    names = b" ".join(ok(m.list()))
    for name in (b"Inbox", b"Sent", b"Archive", b"Trash", b"Drafts", b"Junk"):
        assert name in names, names
    ok(m.create("work/notes"))
    ok(m.subscribe("work/notes"))
    when = imaplib.Time2Internaldate(time.time())
    ok(m.append("work/notes", r"(\Flagged)", when, MESSAGE))
    assert ok(m.select("work/notes")) == [b"1"]
    data = ok(m.fetch("1", "(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])"))
    assert data[0][1] == MESSAGE, data
    assert b"RFC822.SIZE %d" % len(MESSAGE) in data[0][0] + data[1], data
    assert rb"\Flagged" in data[0][0] + data[1], data
    header = ok(m.fetch("1", "(BODY.PEEK[HEADER.FIELDS (SUBJECT MESSAGE-ID)])"))[0][1]
    assert header == (
        b"Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\nMessage-Id: <imaplib@example.org>\r\n\r\n"
    ), header
    envelope = ok(m.fetch("1", "(ENVELOPE BODYSTRUCTURE)"))[0]
    assert b'"<imaplib@example.org>"' in envelope, envelope
    assert ok(m.search(None, "FLAGGED")) == [b"1"]
    assert ok(m.search(None, "HEADER", "Message-Id", '"imaplib"')) == [b"1"]
    assert ok(m.search(None, "UNFLAGGED")) == [b""]
    ok(m.store("1", "+FLAGS", r"(\Seen kept)"))
    flags = ok(m.fetch("1", "(FLAGS)"))[0]
    assert rb"\Seen" in flags and b"kept" in flags, flags
    ok(m.copy("1", "Archive"))
    ok(m.store("1", "+FLAGS", r"(\Deleted)"))
    assert ok(m.expunge()) == [b"1"]
    ok(m.close())
    assert ok(m.select("Archive", readonly=True)) == [b"1"]
    copy = ok(m.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[])"))[0]
    assert copy[1] == MESSAGE and rb"\Seen" in copy[0], copy
    ok(m.unselect())
    assert b"MESSAGES 1" in ok(m.status("Archive", "(MESSAGES UNSEEN UIDNEXT UIDVALIDITY)"))[0]
    ok(m.rename("work/notes", "work/old"))
    ok(m.delete("work/old"))
    m.logout()


main()
