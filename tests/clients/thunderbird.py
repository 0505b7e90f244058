"""Thunderbird with a client certificate: reads the first subject in Inbox, sends a message.

thunderbird.py HOST IMAPS SUBMISSIONS ADDRESS P12 PASSWORDFILE SERVERCERT

The identity goes into Thunderbird's own store with pk12util, as its certificate manager does it; the
accounts are what its account settings write with "TLS Certificate". It runs without a window and is
driven over Marionette, the protocol of Mozilla's own tests. Prints what it saw, a line each.
"""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading

HOST, IMAPS, SUBMISSIONS, ADDRESS, P12, PASSWORDS, SERVER = sys.argv[1:8]
PATIENCE = 120
TLS, EXTERNAL = 3, 7

PREFERENCES = {
    "marionette.port": 0,
    "security.default_personal_cert": "Select Automatically",
    "mail.accountmanager.accounts": "account1",
    "mail.accountmanager.defaultaccount": "account1",
    "mail.account.account1.identities": "id1",
    "mail.account.account1.server": "server1",
    "mail.identity.id1.useremail": ADDRESS,
    "mail.identity.id1.smtpServer": "smtp1",
    "mail.identity.id1.valid": True,
    "mail.server.server1.type": "imap",
    "mail.server.server1.hostname": HOST,
    "mail.server.server1.port": int(IMAPS),
    "mail.server.server1.socketType": TLS,
    "mail.server.server1.authMethod": EXTERNAL,
    "mail.server.server1.userName": ADDRESS,
    "mail.smtpservers": "smtp1",
    "mail.smtp.defaultserver": "smtp1",
    "mail.smtpserver.smtp1.type": "smtp",
    "mail.smtpserver.smtp1.hostname": HOST,
    "mail.smtpserver.smtp1.port": int(SUBMISSIONS),
    "mail.smtpserver.smtp1.try_ssl": TLS,
    "mail.smtpserver.smtp1.authMethod": EXTERNAL,
    "mail.smtpserver.smtp1.username": ADDRESS,
    # Nothing but the server under test is asked for anything.
    "app.update.enabled": False,
    "extensions.update.enabled": False,
    "mailnews.start_page.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "services.settings.server": "data:,",
}

READ = """
  const server = MailServices.accounts.accounts[0].incomingServer;
  for (let tries = 0; ; tries++) {
    const inbox = server.rootFolder.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox);
    const subjects = inbox ? [...inbox.messages].map(m => m.mime2DecodedSubject) : [];
    if (subjects.length > 0) return subjects[0];
    if (tries % 20 == 0) inbox ? inbox.getNewMessages(null, null) : server.performExpand(null);
    await new Promise(resolve => setTimeout(resolve, 50));
  }
"""

SEND = """
  const server = MailServices.outgoingServer.defaultServer;
  const identity = MailServices.accounts.accounts[0].defaultIdentity;
  const file = Services.dirsvc.get("TmpD", Ci.nsIFile);
  file.append("message.eml");
  file.createUnique(0, 0o600);
  const header = "From: ADDRESS\\r\\nTo: ADDRESS\\r\\nSubject: from Thunderbird\\r\\n";
  await IOUtils.writeUTF8(file.path, header + "\\r\\nhello\\r\\n");
  const to = MailServices.headerParser.makeMailboxObject("", "ADDRESS");
  return await new Promise(resolve => {
    const listener = {
      QueryInterface: ChromeUtils.generateQI(["nsIMsgOutgoingListener"]),
      onSendStart() {},
      onSendStop(server, status, security, text) { resolve(`${status} ${text}`); },
    };
    server.sendMailMessage(
      file, [to], [], identity, "ADDRESS", null, null, false, "1@thunderbird.example", listener);
  });
""".replace("ADDRESS", ADDRESS)


class Marionette:
    """Frames of `LENGTH:JSON` over TCP; a request is answered before the next."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.unread = b""
        self.number = 0
        self.receive()

    def receive(self):
        while b":" not in self.unread:
            self.fill()
        length, self.unread = self.unread.split(b":", 1)
        while len(self.unread) < int(length):
            self.fill()
        message = self.unread[: int(length)]
        self.unread = self.unread[int(length) :]
        return json.loads(message)

    def fill(self):
        data = self.socket.recv(1 << 16)
        if not data:
            raise SystemExit("Thunderbird went away")
        self.unread += data

    def ask(self, command, **parameters):
        self.number += 1
        message = json.dumps([0, self.number, command, parameters]).encode()
        self.socket.sendall(b"%d:%s" % (len(message), message))
        _, _, error, answer = self.receive()
        if error:
            raise SystemExit(f"{command}: {error['message']}")
        return answer

    def run(self, script):
        wrapped = f"""
            const done = arguments[arguments.length - 1];
            const {{ MailServices }} =
              ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
            (async () => {{ {script} }})().then(done, error => done("failed: " + error));
        """
        timeout = PATIENCE * 1000
        answer = self.ask("WebDriver:ExecuteAsyncScript", script=wrapped, args=[], scriptTimeout=timeout)
        return answer["value"]


def main():
    profile = tempfile.mkdtemp(prefix="profile-", dir=".")
    store = "sql:" + profile
    for command in (
        ["certutil", "-N", "-d", store, "--empty-password"],
        ["certutil", "-A", "-d", store, "-n", "server", "-t", "CP,,", "-i", SERVER],
        ["pk12util", "-i", P12, "-d", store, "-w", PASSWORDS],
    ):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    with open(os.path.join(profile, "user.js"), "w") as file:
        for name, value in PREFERENCES.items():
            file.write(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n")
    thunderbird = subprocess.Popen(
        ["thunderbird", "--headless", "--marionette", "-remote-allow-system-access"]
        + ["--no-remote", "--profile", os.path.abspath(profile)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=dict(os.environ, TMPDIR=os.path.abspath(profile)),
    )
    try:
        said = "it said nothing"
        for said in thunderbird.stdout:
            if match := re.search(r"Listening on port (\d+)", said):
                break
        else:
            raise SystemExit(f"Thunderbird does not start: {said}")
        # What else it says must not stop it.
        threading.Thread(target=thunderbird.stdout.read, daemon=True).start()
        driver = Marionette(int(match[1]))
        driver.ask("WebDriver:NewSession", capabilities={"alwaysMatch": {}})
        driver.ask("Marionette:SetContext", value="chrome")
        print("read:", driver.run(READ))
        print("sent:", driver.run(SEND))
    finally:
        thunderbird.terminate()
        thunderbird.wait()


main()
