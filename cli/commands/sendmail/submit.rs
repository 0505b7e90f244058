//! One message to the server that sendmail.toml names.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use mox::addr::Address;
use mox::config::model::{Submission, SubmissionTls};
use mox::mail::outgoing::Prepared;
use mox::sasl::choice::Proof;
use mox::smtp::client::{Client, ClientError, Envelope, Fates, Times};
use mox::smtp::{
    BodyType, ForwardPath, Host, Mail, MailParams, Rcpt, RcptParams, Reply, ReversePath,
};
use mox::x509::client_tls::{Trust, client_config};
use mox::x509::{ClientKey, X509Error, load_certified_key};
use tokio::net::TcpStream;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

use super::options::Options;
use super::{Failure, refuse, status};
use crate::error::Error;

/// Programs wait for us: less than RFC 5321 §4.5.3.2 asks for, but for the last step.
const TIMES: Times = Times {
    greeting: Duration::from_secs(60),
    command: Duration::from_secs(60),
    data: Duration::from_secs(120),
    block: Duration::from_secs(180),
    stored: Duration::from_secs(600),
};

/// For all addresses of a host.
const CONNECT: Duration = Duration::from_secs(60);

/// Hands the message in; what the server said to it, or why not every recipient has it, and which.
pub(super) fn submit(
    options: &Options,
    config: &Submission,
    sender: &Option<Address>,
    recipients: &[Address],
    prepared: &Prepared,
) -> Result<String, Failure> {
    let envelope = envelope(options, sender, recipients, prepared);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| refuse(status::TEMPORARY, format!("start: {e}")))?;
    let fates = runtime.block_on(async {
        tokio::select! {
            fates = exchange(config, &envelope, prepared) => fates,
            name = interrupted() => Err(refuse(status::TEMPORARY, format!("ended by {name}"))),
        }
    });
    // A name that is still being looked up is not waited for.
    runtime.shutdown_background();
    verdict(config, recipients, fates?)
}

fn envelope(
    options: &Options,
    sender: &Option<Address>,
    recipients: &[Address],
    prepared: &Prepared,
) -> Envelope {
    let (header, body) = prepared.eight_bit;
    let foreign = |address: &Address| !address.is_ascii();
    let utf8 = header || sender.iter().chain(recipients).any(foreign);
    let from = match sender {
        Some(address) => ReversePath::Mailbox(address.clone().into()),
        None => ReversePath::Null,
    };
    Envelope {
        mail: Mail {
            utf8_path: sender.as_ref().is_some_and(foreign),
            from,
            params: MailParams {
                body: match header || body {
                    true => Some(BodyType::EightBitMime),
                    false => options.body,
                },
                utf8,
                ret: options.ret,
                envid: options.envid.clone(),
                ..MailParams::default()
            },
        },
        recipients: recipients
            .iter()
            .map(|address| Rcpt {
                utf8_path: foreign(address),
                to: ForwardPath::Mailbox(address.clone().into()),
                params: RcptParams {
                    notify: options.notify,
                    orcpt: None,
                },
            })
            .collect(),
    }
}

async fn exchange(
    config: &Submission,
    envelope: &Envelope,
    prepared: &Prepared,
) -> Result<Fates, Error> {
    let (tls, proof) = login(config)?;
    let stream = connect(config).await?;
    let local = stream.local_addr().map_err(|e| unreachable(config, &e))?;
    let name = Host::Literal(local.ip().to_canonical());
    let at_once =
        (config.tls == SubmissionTls::Implicit).then(|| (tls.clone(), config.host.as_str()));
    let failed = |error: ClientError| told(config, &error);
    let mut client = Client::begin(stream, &name, TIMES, at_once)
        .await
        .map_err(failed)?;
    if config.tls == SubmissionTls::StartTls {
        client.start_tls(tls, &config.host).await.map_err(failed)?;
    }
    if let Some(proof) = proof {
        // A certificate that the server knows may be enough without a word.
        let known = matches!(proof, Proof::Certificate { .. })
            && client.is_tls()
            && !client.extensions().mechanisms().contains(&"EXTERNAL");
        if !known {
            client
                .authenticate(&proof)
                .await
                .map_err(|error| refused_login(config, &error))?;
        }
    }
    let mut envelope = envelope.clone();
    let foreign = envelope.mail.utf8_path || envelope.recipients.iter().any(|rcpt| rcpt.utf8_path);
    if !foreign && !client.extensions().has("SMTPUTF8") {
        // Names in a header that nobody encoded: servers have taken them for decades.
        envelope.mail.params.utf8 = false;
    }
    let size = prepared.message.len() as u64;
    let message = || Ok(&prepared.message[..]);
    let fates = client.send_to_all(&envelope, size, message).await;
    client.quit().await;
    Ok(fates)
}

/// What to show in the handshake and how to log in behind it.
fn login(config: &Submission) -> Result<(Arc<rustls::ClientConfig>, Option<Proof>), Error> {
    let wrong = |e: X509Error| refuse(status::CONFIG, e.to_string());
    let user = config.username.clone();
    let (identity, proof) = if let Some(certificate) = &config.certificate {
        let key = config.key.as_ref().unwrap_or(certificate);
        let pair = load_certified_key(certificate, key).map_err(wrong)?;
        (Some(pair), Some(Proof::Certificate { authzid: user }))
    } else if let Some(seed) = &config.ed25519_seed {
        let key = ClientKey::from_ed25519_seed(seed).map_err(wrong)?;
        let pair = key.certified().map_err(wrong)?;
        (Some(pair), Some(Proof::Certificate { authzid: user }))
    } else {
        let password = config.password.clone();
        (
            None,
            password.map(|password| Proof::Password { user, password }),
        )
    };
    let trust = match (config.insecure, &config.ca_file) {
        (true, _) => Trust::Anyone,
        (false, Some(file)) => Trust::File(file.clone()),
        (false, None) => Trust::System,
    };
    let tls = client_config(&trust, identity).map_err(wrong)?;
    Ok((Arc::new(tls), proof))
}

async fn connect(config: &Submission) -> Result<TcpStream, Error> {
    let place = (config.host.as_str(), config.port());
    match timeout(CONNECT, TcpStream::connect(place)).await {
        Ok(Ok(stream)) => {
            // Small packets are commands; a failure costs time only.
            drop(stream.set_nodelay(true));
            Ok(stream)
        }
        Ok(Err(e)) => Err(unreachable(config, &e)),
        Err(_) => Err(unreachable(config, &io::ErrorKind::TimedOut.into())),
    }
}

fn unreachable(config: &Submission, e: &io::Error) -> Error {
    let message = format!("connect to {} port {}: {e}", config.host, config.port());
    refuse(status::TEMPORARY, message)
}

fn told(config: &Submission, error: &ClientError) -> Error {
    refuse(status_of(error), format!("{}: {error}", config.host))
}

fn status_of(error: &ClientError) -> u8 {
    match error {
        error if error.is_transient() => status::TEMPORARY,
        ClientError::Refused { reply, .. } if matches!(reply.code, 530 | 535 | 538 | 525) => {
            status::NO_PERMISSION
        }
        ClientError::Choice(_) | ClientError::Sasl(_) => status::NO_PERMISSION,
        ClientError::TooLarge { .. } => status::DATA,
        _ => status::UNAVAILABLE,
    }
}

fn refused_login(config: &Submission, error: &ClientError) -> Error {
    match error {
        ClientError::Refused { reply, .. } if !reply.is_transient() => {
            refuse(status::NO_PERMISSION, format!("{}: {error}", config.host))
        }
        _ => told(config, error),
    }
}

/// Whether everybody has the message.
fn verdict(config: &Submission, recipients: &[Address], fates: Fates) -> Result<String, Failure> {
    let count = recipients.len();
    let without: Vec<usize> = (0..count).filter(|at| !fates.has(*at)).collect();
    if without.is_empty() {
        let said = fates.replies.into_iter().flatten().next();
        return Ok(said.map(|reply| reply.to_string()).unwrap_or_default());
    }
    let others = match count - without.len() {
        0 => String::new(),
        1 => " (1 other has it)".to_owned(),
        others => format!(" ({others} others have it)"),
    };
    let left = (!others.is_empty()).then(|| {
        let left = without.iter().filter_map(|at| recipients.get(*at).cloned());
        left.collect()
    });
    let refused: Vec<(&Address, &Reply)> = recipients
        .iter()
        .zip(&fates.replies)
        .filter_map(|(address, reply)| Some((address, reply.as_ref()?)))
        .filter(|(_, reply)| !reply.is_success())
        .collect();
    let list = |(address, reply): &(&Address, &Reply)| format!("{address}: {reply}");
    let mut list = refused.iter().map(list).collect::<Vec<_>>().join("; ");
    if !list.is_empty() {
        list.insert_str(0, "refused for ");
    }
    let transient = refused.iter().any(|(_, reply)| reply.is_transient());
    let error = match fates.ended {
        Some(error) => {
            let status = match transient {
                true => status::TEMPORARY,
                false => status_of(&error),
            };
            if !list.is_empty() {
                list.push_str("; ");
            }
            refuse(status, format!("{list}{}: {error}{others}", config.host))
        }
        None => {
            let status = match fates.message_refused {
                _ if transient => status::TEMPORARY,
                true => status::UNAVAILABLE,
                false => status::NO_USER,
            };
            refuse(status, format!("{list}{others}"))
        }
    };
    Err(Failure { error, left })
}

/// A signal that ends programs.
async fn interrupted() -> &'static str {
    let wait = async |kind| match signal(kind) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    };
    tokio::select! {
        () = wait(SignalKind::interrupt()) => "SIGINT",
        () = wait(SignalKind::terminate()) => "SIGTERM",
        () = wait(SignalKind::hangup()) => "SIGHUP",
    }
}
