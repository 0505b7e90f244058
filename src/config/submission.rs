//! sendmail.toml, the file of `mox sendmail`: read, and described.

use std::path::Path;

use zeroize::Zeroizing;

use super::document;
use super::keys::SUBMISSION;
use super::model::{Submission, SubmissionTls};
use super::read::{self, Context};
use super::reader::{At, Fields, Problems};
use super::{ConfigError, Unchecked, decode, folder};
use crate::addr::Address;
use crate::diag::Diagnostic;

/// Reads and validates a file.
pub fn load(file: &Path) -> Result<Submission, ConfigError> {
    let bytes = std::fs::read(file).map_err(|source| ConfigError::Read {
        path: file.to_owned(),
        source,
    })?;
    let text = Zeroizing::new(decode(bytes, file).map_err(ConfigError::Invalid)?);
    parse(&text, file).map_err(ConfigError::Invalid)
}

/// Validates a text; relative paths in it start at the file's folder.
pub fn parse(text: &str, file: &Path) -> Result<Submission, Vec<Diagnostic>> {
    let problems = Problems::new();
    let (root, errors) = document::parse(text);
    let broken = !errors.is_empty();
    for error in errors {
        let span = Some(error.span);
        problems.add("syntax", String::new(), span, error.message, String::new());
    }
    let folder = folder(file);
    let context = Context {
        folder: &folder,
        files: &Unchecked,
    };
    let fields = || Fields::of(&root, SUBMISSION, &problems);
    let found = (!broken).then(|| read(fields(), &context)).flatten();
    let mut diagnostics = problems.finish(text, &file.to_string_lossy());
    for problem in &mut diagnostics {
        // The line with a secret in it is shown nowhere.
        if let Some(position) = &mut problem.position
            && (position.text.contains("password") || position.text.contains("ed25519_seed"))
        {
            position.text = position
                .text
                .split('=')
                .next()
                .unwrap_or_default()
                .to_owned();
            position.width = 1;
            position.column = 1;
        }
    }
    match found {
        Some(found) if diagnostics.is_empty() => Ok(found),
        _ => Err(diagnostics),
    }
}

fn read(mut fields: Fields<'_, '_>, context: &Context<'_>) -> Option<Submission> {
    let host = fields.required("host", |at| match at.text()? {
        "" => at.refuse("value", "host is empty"),
        host => Some(host.to_owned()),
    });
    let port = fields.optional("port", |at| at.number());
    let tls = fields.or("tls", SubmissionTls::Implicit, |at| {
        read::one_of(at, &SubmissionTls::NAMES)
    });
    let ca_file = fields.optional("ca_file", |at| context.path(at));
    let insecure = fields.or("insecure", false, |at| at.boolean());
    let username = fields.or("username", String::new(), |at| at.text().map(str::to_owned));
    let secret = |at: At<'_, '_>| at.text().map(|text| Zeroizing::new(text.to_owned()));
    let password = fields.optional("password", secret);
    let certificate = fields.optional("certificate", |at| context.path(at));
    let ways = usize::from(password.is_some()) + usize::from(certificate.is_some());
    let key = fields.optional("key", |at| match certificate {
        Some(_) => context.path(at),
        None => at.refuse("value", "key without certificate"),
    });
    let ed25519_seed = fields.optional("ed25519_seed", |at| match ways {
        0 => secret(at),
        _ => at.refuse(
            "value",
            "only one of password, certificate and ed25519_seed can be there",
        ),
    });
    if ways == 2 {
        fields.optional("certificate", |at| {
            at.refuse::<()>(
                "value",
                "only one of password, certificate and ed25519_seed can be there",
            )
        });
    }
    if password.is_some() && username.is_empty() {
        fields.optional("password", |at| {
            at.refuse::<()>("value", "password without username")
        });
    }
    let submission = Submission {
        port,
        tls,
        ca_file,
        insecure,
        username,
        password,
        certificate,
        key,
        ed25519_seed,
        from: fields.optional("from", address),
        domain: fields.optional("domain", read::domain_name),
        default_recipient: fields.optional("default_recipient", address),
        keep_in: fields.optional("keep_in", |at| context.path(at)),
        host: match host {
            Some(host) => host,
            None => {
                fields.finish();
                return None;
            }
        },
    };
    fields.finish();
    Some(submission)
}

fn address(at: At<'_, '_>) -> Option<Address> {
    let parsed = Address::parse(at.text()?);
    match parsed {
        Ok(address) => Some(address),
        Err(error) => at.refuse("address.invalid", error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::reference;
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let found = parse(text, Path::new("/etc/mox/sendmail.toml"));
        let found = found.err().unwrap_or_default();
        found.into_iter().map(|d| d.message).collect()
    }

    #[test]
    fn a_file_is_read() {
        let text = "host = \"mail.example.org\"\ntls = \"starttls\"\nusername = \"a@example.org\"\n\
            certificate = \"laptop.combined.pem\"\ndomain = \"example.org\"\n";
        let read = parse(text, Path::new("/etc/mox/sendmail.toml")).expect("valid");
        assert_eq!(read.port(), 587);
        let file = read.certificate.clone().expect("there");
        assert_eq!(file, Path::new("/etc/mox/laptop.combined.pem"));
        let author = read.author().map(|author| author.to_string());
        assert_eq!(author.as_deref(), Some("a@example.org"));
    }

    #[test]
    fn mistakes_are_told_and_secrets_are_not() {
        for (text, expected) in [
            ("", "host is missing"),
            ("host = \"\"", "host is empty"),
            ("host = \"h\"\ntls = \"ssl\"", "tls"),
            ("host = \"h\"\nport = 0", "port must be between 1 and 65535"),
            ("host = \"h\"\npasswort = \"x\"", "passwort"),
            ("host = \"h\"\nkey = \"k\"", "key without certificate"),
            (
                "host = \"h\"\npassword = \"x\"",
                "password without username",
            ),
            (
                "host = \"h\"\nusername = \"u\"\npassword = \"x\"\ncertificate = \"c\"",
                "only one of",
            ),
            (
                "host = \"h\"\nusername = \"u\"\npassword = \"x\"\ned25519_seed = \"s\"",
                "only one of",
            ),
        ] {
            let told = told(text);
            assert_eq!(told.len(), 1, "{text}: {told:?}");
            assert!(told[0].contains(expected), "{text}: {told:?}");
        }
        let text =
            "host = \"h\"\nusername = \"u\"\npassword = \"geheim\"\ned25519_seed = \"geheim\"";
        let found = parse(text, Path::new("f")).expect_err("two ways");
        assert!(!format!("{found:?}").contains("geheim"), "{found:?}");
        let found = parse("password = \"geheim", Path::new("f")).expect_err("no TOML");
        assert!(!format!("{found:?}").contains("geheim"), "{found:?}");
    }

    #[test]
    fn the_reference_is_a_valid_file_and_so_is_each_key() {
        let text = reference::describe_submission();
        let read = parse(&text, Path::new("/etc/mox/sendmail.toml")).expect("valid");
        assert_eq!(read.port(), 465);
        for key in SUBMISSION {
            assert!(text.contains(&format!("{} = ", key.name)), "{}", key.name);
        }
    }
}
