"""Python's smtplib as a client, on port 25 and on both submission ports.

Arguments: address, SMTP port, submission port, submissions port, user, password.
"""

import smtplib
import ssl
import sys

host, smtp, submission, submissions, user, password = sys.argv[1:7]
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE


def message(subject):
    return (
        f"From: {user}\r\nTo: {user}\r\nSubject: {subject}\r\nDate: Mon, 01 Jun 2026 10:00:00 +0000\r\n"
        f"Message-Id: <{subject}@example.org>\r\n\r\n.a dot\r\n..two\r\ntext\r\n"
    ).encode()


def refused(code, enhanced, call, *arguments):
    try:
        call(*arguments)
    except smtplib.SMTPRecipientsRefused as e:
        (got, text), = e.recipients.values()
    except smtplib.SMTPResponseException as e:
        got, text = e.smtp_code, e.smtp_error
    else:
        raise AssertionError(f"not refused with {code}")
    assert got == code and text.startswith(enhanced.encode()), (got, text)


def main():
    with smtplib.SMTP(host, int(smtp)) as s:
        s.ehlo("client.example.org")
        for feature in ("pipelining", "8bitmime", "size", "starttls", "enhancedstatuscodes"):
            assert s.has_extn(feature), (feature, s.esmtp_features)
        assert not s.has_extn("auth"), "AUTH is for submission only"
        s.sendmail("sender@example.org", [user], message("plain"))
        s.starttls(context=context)
        s.sendmail("sender@example.org", [user], message("starttls"))
        refused(550, "5.7.1", s.sendmail, "sender@example.org", ["someone@elsewhere.example"], b"x")
        s.rset()
        code, text = s.docmd("AUTH", "PLAIN AGEAYg==")
        assert code in (500, 502, 503), (code, text)

    with smtplib.SMTP(host, int(submission)) as s:
        s.ehlo("client.example.org")
        s.starttls(context=context)
        s.ehlo("client.example.org")
        refused(530, "5.7.0", s.sendmail, user, [user], message("none"))
        s.rset()
        refused(535, "5.7.8", s.login, user, password + "x")
        s.login(user, password)
        s.sendmail(user, [user], message("submission"))
        refused(550, "5.7.1", sender, s, "someone@elsewhere.example")

    with smtplib.SMTP_SSL(host, int(submissions), context=context) as s:
        s.login(user, password)
        s.sendmail(user, [user], message("submissions"))


def sender(s, address):
    code, text = s.mail(address)
    if code >= 400:
        raise smtplib.SMTPResponseException(code, text)


main()
