//! Programs that read.

use std::fs;
use std::path::{Path, PathBuf};

use super::support::client::Client;
use super::support::instance::{Instance, Service};
use super::support::reader::{PASSWORD, Reader, USER};
use super::{port, python, run, server};

#[test]
fn imaplib_reads_and_writes() {
    let instance = server();
    let mut script = python(&instance, "imap.py");
    script.args([
        port(&instance, Service::Imaps),
        port(&instance, Service::Imap),
    ]);
    run(script.args([USER, PASSWORD]));
}

/// The certificate that `localserve` made, which programs that check are told to trust.
#[track_caller]
fn certificate(instance: &Instance) -> PathBuf {
    let folder = instance.root().join("server/config");
    let is_certificate = |path: &Path| {
        let text = fs::read_to_string(path).unwrap_or_default();
        text.contains("BEGIN CERTIFICATE")
    };
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if is_certificate(&path) {
                return path;
            }
        }
    }
    panic!("localserve made no certificate");
}

/// Delivers a message with this subject, `lines` of text, and a sender to answer to.
fn deliver(instance: &Instance, subject: &str) {
    let mut client: Client = instance.connect(Service::Smtp);
    client.expect_reply("220");
    client.smtp("EHLO client.example.org", "250");
    client.smtp("MAIL FROM:<a@example.org>", "250");
    client.smtp(&format!("RCPT TO:<{USER}>"), "250");
    client.smtp("DATA", "354");
    let message = format!(
        "From: Alice <a@example.org>\r\nTo: {USER}\r\nSubject: {subject}\r\n\
         Message-Id: <{subject}@example.org>\r\nDate: Mon, 01 Jun 2026 10:00:00 +0000\r\n\r\ntext of {subject}\r\n.\r\n"
    );
    client.send(message.as_bytes()).unwrap();
    client.expect_reply("250");
}

/// Messages of a Maildir: file names and texts, sorted by text.
fn maildir(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for part in ["new", "cur"] {
        for entry in fs::read_dir(folder.join(part))
            .into_iter()
            .flatten()
            .flatten()
        {
            let text = fs::read_to_string(entry.path()).unwrap();
            found.push((entry.path(), text));
        }
    }
    found.sort_by(|a, b| a.1.cmp(&b.1));
    found
}

#[test]
fn mbsync_syncs_both_ways() {
    // It compares the certificate's names with the host's, and knows no addresses there.
    let mut instance = Instance::new(env!("CARGO_BIN_EXE_mox"));
    instance.use_localhost();
    instance.init().unwrap();
    instance.serve().unwrap();
    let root = instance.root().display().to_string();
    let settings = format!(
        "IMAPAccount mox\nHost localhost\nPort {port}\nUser {USER}\nPass {PASSWORD}\nSSLType IMAPS\n\
         CertificateFile {certificate}\n\n\
         IMAPStore far\nAccount mox\n\n\
         MaildirStore near\nPath {root}/mail/\nInbox {root}/mail/Inbox\nSubFolders Verbatim\n\n\
         Channel all\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nRemove Both\nExpunge Both\nSyncState *\n",
        port = port(&instance, Service::Imaps),
        certificate = certificate(&instance).display(),
    );
    fs::write(instance.root().join("mbsyncrc"), settings).unwrap();
    fs::create_dir(instance.root().join("mail")).unwrap();
    let sync = || {
        run(instance
            .program("mbsync")
            .args(["-c", "mbsyncrc", "-a", "-V"]))
    };
    let inbox = instance.root().join("mail/Inbox");

    deliver(&instance, "one");
    deliver(&instance, "two");
    sync();
    let texts = maildir(&inbox);
    assert_eq!(texts.len(), 2);
    assert!(texts.iter().any(|(_, text)| text.contains("text of one")));
    assert!(
        instance.root().join("mail/Sent").is_dir(),
        "the mailboxes came along"
    );

    // Here: one message read, a new one written, a mailbox made. There: one more arrives.
    let (one, _) = texts
        .iter()
        .find(|(_, t)| t.contains("text of one"))
        .unwrap();
    let name = one.file_name().unwrap().to_str().unwrap();
    let base = name.split(":2,").next().unwrap();
    fs::rename(one, inbox.join(format!("cur/{base}:2,FS"))).unwrap();
    fs::write(
        inbox.join("cur/1.1.local:2,S"),
        "From: me@localhost\nSubject: local\n\ntext of local\n",
    )
    .unwrap();
    for part in ["", "cur", "new", "tmp"] {
        fs::create_dir(instance.root().join("mail/made here").join(part)).unwrap();
    }
    deliver(&instance, "three");
    sync();
    let mut reader = Reader::inbox(&instance);
    assert_eq!(reader.exists(), 4);
    let flagged = reader.command("SEARCH FLAGGED SEEN SUBJECT one");
    assert_eq!(flagged[0], "* SEARCH 1", "{flagged:?}");
    let local = reader.command("UID SEARCH SUBJECT local");
    assert_eq!(local[0], "* SEARCH 4", "{local:?}");
    let made = reader.command("LIST \"\" \"made here\"");
    assert!(made[0].contains("made here"), "{made:?}");
    assert_eq!(maildir(&inbox).len(), 4);

    // Deleted on one side each.
    reader.command("UID STORE 2 +FLAGS (\\Deleted)");
    reader.command("UID EXPUNGE 2");
    let (local, _) = maildir(&inbox)
        .into_iter()
        .find(|(_, t)| t.contains("text of local"))
        .unwrap();
    fs::remove_file(local).unwrap();
    sync();
    reader.command("NOOP");
    assert_eq!(reader.exists(), 2);
    let left: Vec<String> = maildir(&inbox).into_iter().map(|(_, text)| text).collect();
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(left.iter().any(|t| t.contains("text of one")));
    assert!(left.iter().any(|t| t.contains("text of three")));
}

#[test]
fn mutt_reads_flags_and_saves() {
    let instance = server();
    deliver(&instance, "one");
    deliver(&instance, "two");
    let settings = format!(
        "set folder=imaps://{address}/\nset spoolfile=+INBOX\nset imap_user={USER}\nset imap_pass={PASSWORD}\n\
         set certificate_file={certificate}\nset ssl_verify_host=no\nset ssl_verify_dates=no\n\
         set wait_key=no\nset confirmappend=no\nset delete=yes\nset move=no\nset sort=mailbox-order\n\
         set pager_stop=yes\nset prompt_after=no\nset header_cache=\nset mail_check=1\n",
        address = instance.address(Service::Imaps),
        certificate = certificate(&instance).display(),
    );
    fs::write(instance.root().join("muttrc"), settings).unwrap();
    // The first message is piped to a file as it came, flagged, and saved to Archive; the second
    // is left unread.
    let keys = "<first-entry><display-message><exit><pipe-message>cat > piped<enter><flag-message><copy-message>=Archive<enter><sync-mailbox><quit>";
    fs::write(instance.root().join("keys"), format!("push '{keys}'\n")).unwrap();
    let mut script = instance.program("script");
    script.env("TERM", "xterm");
    let screen = run(script.args([
        "-qec",
        "stty rows 50 cols 120; mutt -F muttrc -e 'source keys'",
        "/dev/null",
    ]));
    let piped = fs::read_to_string(instance.root().join("piped")).unwrap_or_default();
    assert!(piped.contains("text of one"), "{piped}\n{screen}");
    let mut reader = Reader::inbox(&instance);
    assert_eq!(reader.command("SEARCH FLAGGED")[0], "* SEARCH 1");
    assert_eq!(reader.command("SEARCH UNSEEN")[0], "* SEARCH 2");
    let archived = reader.command("STATUS Archive (MESSAGES)");
    assert!(archived[0].contains("MESSAGES 1"), "{archived:?}");
}
